/** What can be said about a row of points: where it breaks, what stands at a moment, how far it goes. */
import type { Band, Line, Point, Spread, Window } from './types'

/** The usual distance between two points: the median. Infinity for fewer than two. */
export function stepOf(points: readonly (readonly [number, ...unknown[]])[]): number {
  const steps = points.slice(1).map(([at], i) => at - (points[i]?.[0] ?? at))
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? Infinity
}

/** So many usual distances without a point are a gap, not a straight line. */
const WIDE = 4

/** The points with a null wherever nothing was measured in between, so that no line bridges it. */
export function broken(points: Point[], gaps: readonly Band[] = []): Point[] {
  const usual = stepOf(points)
  const found: Point[] = []
  points.forEach((point, i) => {
    const before = points[i - 1]
    if (before && before[1] !== null && point[1] !== null) {
      const middle = (before[0] + point[0]) / 2
      const wide = point[0] - before[0] > usual * WIDE
      const unmeasured = gaps.some((gap) => gap.kind === 'gap' && gap.start < point[0] && gap.end > before[0] && Math.min(gap.end, point[0]) - Math.max(gap.start, before[0]) >= (point[0] - before[0]) / 2 && point[0] - before[0] > usual)
      if (wide || unmeasured) found.push([middle, null])
    }
    found.push(point)
  })
  return found
}

/** The index of the point nearest to a moment in ascending points; -1 without any. */
export function nearest(points: readonly (readonly [number, ...unknown[]])[], at: number): number {
  let low = 0
  let high = points.length - 1
  if (high < 0) return -1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((points[middle]?.[0] ?? 0) <= at) low = middle
    else high = middle
  }
  return Math.abs((points[low]?.[0] ?? 0) - at) <= Math.abs((points[high]?.[0] ?? 0) - at) ? low : high
}

/** The figure at a moment: of the nearest point, unless that is farther than a step away. Null is "not measured". */
export function valueAt(points: Point[], at: number, step = stepOf(points)): number | null {
  const point = points[nearest(points, at)]
  if (!point || Math.abs(point[0] - at) > (Number.isFinite(step) ? step * 1.01 : 0)) return null
  return point[1]
}

/** As `valueAt`, for a lowest and a highest figure. */
export function spreadAt(spread: Spread[] | undefined, at: number): [number, number] | null {
  const found = spread?.[nearest(spread, at)]
  if (!found || found[1] === null || found[2] === null) return null
  return Math.abs(found[0] - at) > stepOf(spread ?? []) * 1.01 ? null : [found[1], found[2]]
}

/** Every moment in the window at which one of the lines has a figure, ascending. */
export function momentsOf(lines: readonly Line[], window: Window): number[] {
  const all = new Set<number>()
  for (const line of lines) {
    for (const [at, value] of line.points) if (value !== null && at >= window.from && at <= window.to) all.add(at)
  }
  return [...all].sort((a, b) => a - b)
}

/** All lines at the same moments, so that one can stand on another; null where one has none. */
export function aligned(lines: readonly Line[]): Line[] {
  const moments = [...new Set(lines.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => a - b)
  return lines.map((line) => {
    const own = new Map(line.points)
    return { ...line, points: moments.map((at): Point => [at, own.get(at) ?? null]) }
  })
}

/** Aligned lines each standing on those before it: the sums, null where the line itself has no figure. */
export function stacked(lines: readonly Line[]): (number | null)[][] {
  const below: number[] = []
  return lines.map((line) =>
    line.points.map(([, value], i) => {
      if (value === null) return null
      below[i] = (below[i] ?? 0) + value
      return below[i]
    }),
  )
}

/** How much a counter grew per second between one point and the next; a counter that began anew tells nothing. */
export function ratesOf(points: Point[]): Point[] {
  const usual = stepOf(points)
  return points.slice(1).map(([at, value], i): Point => {
    const [before, was] = points[i] ?? [at, null]
    const seconds = (at - before) / 1000
    if (value === null || was === null || value < was || seconds <= 0 || at - before > usual * 4) return [at, null]
    return [at, (value - was) / seconds]
  })
}

export interface Extent {
  low: number
  high: number
  last: number
  lastAt: number
  lowAt: number
  highAt: number
}

/** The lowest, highest and last figure within the window; null where there is none. */
export function extentOf(points: Point[], window: Window): Extent | null {
  let found: Extent | null = null
  for (const [at, value] of points) {
    if (value === null || at < window.from || at > window.to) continue
    found ??= { low: value, high: value, last: value, lastAt: at, lowAt: at, highAt: at }
    if (value < found.low) Object.assign(found, { low: value, lowAt: at })
    if (value > found.high) Object.assign(found, { high: value, highAt: at })
    Object.assign(found, { last: value, lastAt: at })
  }
  return found
}

/** Points with one more on each side of the window, so that a line reaches the edge. */
export function within<T extends readonly [number, ...unknown[]]>(points: T[], window: Window): T[] {
  const first = points.findIndex(([at]) => at >= window.from)
  if (first < 0) return points.slice(-1)
  const last = points.findLastIndex(([at]) => at <= window.to)
  return points.slice(Math.max(0, first - 1), last + 2)
}

/** So many points a page up or down passes. */
const PAGE = 10

/** Where a key leads in a row of `count`; null for a key that leads nowhere. */
export function walk(key: string, index: number | null, count: number): number | null {
  if (!count) return null
  const last = count - 1
  const from = index ?? last
  const bounded = (to: number) => Math.min(last, Math.max(0, to))
  switch (key) {
    case 'ArrowLeft':
      return index === null ? last : bounded(from - 1)
    case 'ArrowRight':
      return index === null ? last : bounded(from + 1)
    case 'PageUp':
      return bounded(from - PAGE)
    case 'PageDown':
      return bounded(from + PAGE)
    case 'Home':
      return 0
    case 'End':
      return last
    default:
      return null
  }
}

/** The shortest stretch that is worth looking into. */
export const LEAST_MS = 60_000

/** A window made `factor` times as long around a moment, which keeps its place. */
export function zoomedBy(window: Window, factor: number, around: number): Window {
  const span = Math.max(LEAST_MS, (window.to - window.from) * factor)
  const share = (around - window.from) / (window.to - window.from)
  return { from: around - share * span, to: around + (1 - share) * span }
}
