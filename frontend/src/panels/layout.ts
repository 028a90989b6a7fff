/**
 * Places on a grid of 12 columns. Panels never lie over each other, none hangs in the air, all stay within the grid.
 * The functions change nothing they are given.
 */
import type { Place } from './body'

export const COLUMNS = 12
export const MOST_HEIGHT = 40

export interface Placed extends Place {
  id: string
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, Math.round(value)))

export function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

/** A place brought within the grid. */
export function within(place: Place): Place {
  const w = clamp(place.w, 1, COLUMNS)
  return { x: clamp(place.x, 0, COLUMNS - w), y: Math.max(0, Math.round(place.y)), w, h: clamp(place.h, 1, MOST_HEIGHT) }
}

/** In the order of their keys each falls upward until it rests upon another or the top. */
function settle<T extends Placed>(items: readonly T[], keyOf: (item: T) => number): T[] {
  const ordered = [...items].sort((a, b) => keyOf(a) - keyOf(b) || a.x - b.x)
  const tops = new Array<number>(COLUMNS).fill(0)
  const placed = new Map<string, T>()
  for (const item of ordered) {
    const { x, w, h } = within(item)
    const y = Math.max(...tops.slice(x, x + w))
    tops.fill(y + h, x, x + w)
    placed.set(item.id, { ...item, x, y, w, h })
  }
  return items.map((item) => placed.get(item.id) as T)
}

/** Everything moved up as far as it goes, in its order from top to bottom. */
export function compact<T extends Placed>(items: readonly T[]): T[] {
  return settle(items, (item) => item.y)
}

/** One item put at another place; what is in its way gives way. */
export function moved<T extends Placed>(items: readonly T[], id: string, x: number, y: number): T[] {
  const before = items.find((item) => item.id === id)
  if (!before) return [...items]
  const place = within({ ...before, x, y })
  // Going down, it passes another when its lower edge passes that one's middle; going up, when its upper edge does.
  const key = place.y > before.y ? place.y + place.h : place.y
  return settle(
    items.map((item) => (item.id === id ? { ...item, ...place } : item)),
    (item) => (item.id === id ? key : item.y + item.h / 2),
  )
}

/** One item made larger or smaller; what is below gives way or follows. */
export function resized<T extends Placed>(items: readonly T[], id: string, w: number, h: number, least: { w: number; h: number } = { w: 1, h: 1 }): T[] {
  const before = items.find((item) => item.id === id)
  if (!before) return [...items]
  const size = { w: clamp(w, Math.min(least.w, before.w), COLUMNS - before.x), h: clamp(h, Math.min(least.h, before.h), MOST_HEIGHT) }
  return settle(
    items.map((item) => (item.id === id ? { ...item, ...size } : item)),
    (item) => (item.id === id ? item.y : item.y + item.h / 2),
  )
}

export type Direction = 'left' | 'right' | 'up' | 'down'

/** One step of an item by keyboard: a column sideways, past the next one up or down. */
export function stepped<T extends Placed>(items: readonly T[], id: string, direction: Direction): T[] {
  const item = items.find((one) => one.id === id)
  if (!item) return [...items]
  if (direction === 'left') return moved(items, id, item.x - 1, item.y)
  if (direction === 'right') return moved(items, id, item.x + 1, item.y)
  const beside = items.filter((one) => one.id !== id && one.x < item.x + item.w && item.x < one.x + one.w)
  if (direction === 'up') {
    const above = beside.filter((one) => one.y + one.h <= item.y)
    const next = above.sort((a, b) => b.y + b.h - (a.y + a.h))[0]
    return next ? moved(items, id, item.x, next.y) : [...items]
  }
  const next = beside.filter((one) => one.y >= item.y + item.h).sort((a, b) => a.y - b.y)[0]
  return next ? moved(items, id, item.x, next.y + next.h) : [...items]
}

/** The first free place for something of this size, from the top. */
export function freePlace(items: readonly Place[], { w, h }: { w: number; h: number }): Place {
  const bottom = bottomOf(items)
  for (let y = 0; y <= bottom; y += 1) {
    for (let x = 0; x + w <= COLUMNS; x += 1) {
      const place = { x, y, w, h }
      // Resting upon something or the top, it stays where it is put.
      const rests = y === 0 || items.some((one) => one.y + one.h === y && one.x < x + w && x < one.x + one.w)
      if (rests && !items.some((one) => overlap(one, place))) return place
    }
  }
  return { x: 0, y: bottom, w, h }
}

export const bottomOf = (items: readonly Place[]): number => Math.max(0, ...items.map((one) => one.y + one.h))

/** From top to bottom, from left to right: how a phone shows them, and in which order they are read out. */
export function inOrder<T extends Place>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.y - b.y || a.x - b.x)
}

/** An item before or after its neighbour in reading order, as on a phone with its one column. */
export function reordered<T extends Placed>(items: readonly T[], id: string, by: -1 | 1): T[] {
  const order = inOrder(items)
  const at = order.findIndex((item) => item.id === id)
  const other = order[at + by]
  const item = order[at]
  if (!item || !other) return [...items]
  if (other.x < item.x + item.w && item.x < other.x + other.w) return stepped(items, id, by < 0 ? 'up' : 'down')
  // Side by side: they change places as far as the grid allows.
  return moved(moved(items, id, other.x, other.y), other.id, item.x, item.y)
}
