/** A canvas that the chart library draws on once it is near, and again whenever what it shows changes. */
import { onBeforeUnmount, ref, watch, type Ref } from 'vue'
import type { EChartsCoreOption } from 'echarts/core'
import type { Drawing } from './engine'
import { RATIO } from './picture'

type Engine = typeof import('./engine')
let engine: Promise<Engine> | null = null

/** The library, fetched once. A fetch that failed is not kept, so that the next chart tries again. */
function loadEngine(): Promise<Engine> {
  engine ??= import('./engine').catch((error: unknown) => {
    engine = null
    throw error
  })
  return engine
}

export interface Picture {
  option: EChartsCoreOption
  size: { width: number; height: number }
}

export interface Canvas {
  /** The library did not arrive or cannot draw here. */
  failed: Ref<boolean>
  drawn: Ref<boolean>
  /** What is shown, with RATIO pixels per pixel; null before the first drawing. */
  copy: () => HTMLCanvasElement | null
  again: () => void
}

export function useDrawing(element: Ref<HTMLElement | null>, near: Ref<boolean>, picture: () => Picture | null): Canvas {
  const failed = ref(false)
  const drawn = ref(false)
  let drawing: Drawing | null = null
  let place: HTMLElement | null = null
  let left = false

  function stop(): void {
    drawing?.dispose()
    drawing = null
    place = null
    drawn.value = false
  }

  async function draw(): Promise<void> {
    if (element.value !== place) stop()
    const shown = picture()
    if (!near.value || !element.value || !shown || failed.value) return
    try {
      const { draw: begin } = await loadEngine()
      // Meanwhile the chart may be gone, drawn already, or shown as a table.
      if (left || !element.value) return
      if (!drawing) {
        drawing = begin(element.value)
        place = element.value
      }
      const newest = picture()
      if (newest) drawing.show(newest.option, newest.size)
      drawn.value = true
    } catch (error) {
      console.warn('chart not drawn', error)
      failed.value = true
    }
  }

  watch([element, near, picture], () => void draw(), { flush: 'post', immediate: true })
  onBeforeUnmount(() => {
    left = true
    stop()
  })
  return {
    failed,
    drawn,
    copy: () => drawing?.picture(RATIO) ?? null,
    again() {
      failed.value = false
      void draw()
    },
  }
}

let brush: CanvasRenderingContext2D | null | undefined
const widths = new Map<string, number>()

/** The width of a text in pixels; an estimate where the browser cannot tell. */
export function textWidth(text: string, font: string): number {
  const key = `${font} ${text}`
  const known = widths.get(key)
  if (known !== undefined) return known
  brush ??= document.createElement('canvas').getContext('2d')
  if (!brush) return text.length * 7
  brush.font = font
  const width = brush.measureText(text).width
  if (widths.size > 2000) widths.clear()
  widths.set(key, width)
  return width
}
