/** Pointing at a chart, and looking closer: by mouse, finger and wheel. */
import { onBeforeUnmount, ref, type Ref } from 'vue'
import type { Layout } from './layout'
import { LEAST_MS, zoomedBy } from './points'
import type { Window } from './types'

/** So many pixels of dragging are meant. */
const DRAG = 8
/** Between the last turn of a wheel or press of a key, and asking for what is shown then. */
export const SETTLE_MS = 350
const CLOSER = 0.8

export interface Gestures {
  /** From where to where is selected, in pixels. */
  selection: Ref<{ left: number; width: number } | null>
  down: (event: PointerEvent) => void
  move: (event: PointerEvent) => void
  up: (event: PointerEvent) => void
  leave: (event: PointerEvent) => void
  cancel: (event: PointerEvent) => void
  wheel: (event: WheelEvent) => void
  /** One step closer (1) or back (-1) around a moment, by key. */
  step: (by: 1 | -1, around: number) => void
}

export interface GestureHost {
  layout: () => Layout | null
  window: () => Window
  /** Shows a window at once. */
  show: (window: Window) => void
  /** The window is meant: what is shown then should be fetched. */
  settle: (window: Window) => void
  point: (at: number) => void
  unpoint: () => void
  /** A click or tap that selected nothing. */
  choose: (at: number) => void
}

export function useGestures(host: GestureHost): Gestures {
  const selection = ref<{ left: number; width: number } | null>(null)
  const fingers = new Map<number, number>()
  let dragFrom: number | null = null
  let pinched: { window: Window; moments: [number, number] } | null = null
  let waiting: ReturnType<typeof setTimeout> | undefined
  onBeforeUnmount(() => clearTimeout(waiting))

  function xOf(event: PointerEvent | WheelEvent): number {
    return event.clientX - (event.currentTarget as HTMLElement).getBoundingClientRect().left
  }

  function bounded(x: number, layout: Layout): number {
    return Math.min(layout.plot.left + layout.plot.width, Math.max(layout.plot.left, x))
  }

  function later(): void {
    clearTimeout(waiting)
    waiting = setTimeout(() => host.settle(host.window()), SETTLE_MS)
  }

  function zoom(factor: number, around: number): void {
    const next = zoomedBy(host.window(), factor, around)
    host.show(next)
    later()
  }

  /** The two moments under the fingers stay under them. */
  function pinch(): void {
    const layout = host.layout()
    const [a, b] = [...fingers.values()]
    if (!layout || !pinched || a === undefined || b === undefined || Math.abs(a - b) < 10) return
    const [first, second] = pinched.moments
    const perPixel = (second - first) / (b - a)
    if (perPixel <= 0) return
    const from = first - (a - layout.plot.left) * perPixel
    const to = from + layout.plot.width * perPixel
    if (to - from >= LEAST_MS) host.show({ from, to })
  }

  return {
    selection,
    down(event) {
      const layout = host.layout()
      if (!layout || (event.pointerType === 'mouse' && event.button !== 0)) return
      const x = xOf(event)
      if (event.pointerType === 'touch') {
        fingers.set(event.pointerId, x)
        const [a, b] = [...fingers.values()]
        if (a !== undefined && b !== undefined) {
          pinched = { window: host.window(), moments: [layout.at(a), layout.at(b)] }
          host.unpoint()
        } else host.point(layout.at(bounded(x, layout)))
        return
      }
      dragFrom = bounded(x, layout)
      ;(event.currentTarget as HTMLElement).setPointerCapture(event.pointerId)
    },
    move(event) {
      const layout = host.layout()
      if (!layout) return
      const x = xOf(event)
      if (event.pointerType === 'touch' && !fingers.has(event.pointerId)) return
      if (fingers.has(event.pointerId)) {
        fingers.set(event.pointerId, x)
        if (pinched) {
          pinch()
          return
        }
      }
      const to = bounded(x, layout)
      if (dragFrom !== null) selection.value = Math.abs(to - dragFrom) > DRAG ? { left: Math.min(to, dragFrom), width: Math.abs(to - dragFrom) } : null
      if (Math.abs(to - x) > 24) host.unpoint()
      else host.point(layout.at(to))
    },
    up(event) {
      const layout = host.layout()
      const wasPinched = pinched !== null
      fingers.delete(event.pointerId)
      if (wasPinched) {
        if (!fingers.size) {
          pinched = null
          host.settle(host.window())
        }
        return
      }
      const chosen = selection.value
      const began = dragFrom
      dragFrom = null
      selection.value = null
      if (!layout) return
      if (chosen) {
        const next = { from: layout.at(chosen.left), to: layout.at(chosen.left + chosen.width) }
        if (next.to - next.from < LEAST_MS) return
        host.show(next)
        host.settle(next)
      } else if (began !== null || event.pointerType === 'touch') host.choose(layout.at(bounded(xOf(event), layout)))
    },
    leave(event) {
      if (event.pointerType !== 'touch' && dragFrom === null) host.unpoint()
    },
    cancel(event) {
      fingers.delete(event.pointerId)
      pinched = null
      dragFrom = null
      selection.value = null
    },
    wheel(event) {
      const layout = host.layout()
      if (!layout || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      zoom(event.deltaY > 0 ? 1 / CLOSER : CLOSER, layout.at(bounded(xOf(event), layout)))
    },
    step: (by, around) => zoom(by > 0 ? CLOSER : 1 / CLOSER, around),
  }
}
