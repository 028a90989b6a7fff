/** Counts of hours or days, as lines that bars are drawn from. */
import { parseTime } from '../format'
import type { Band, Line, Point, Tone } from './types'

export interface Stack {
  name: string
  counts: readonly (number | null)[]
  tone?: Tone
}

const DAY = 86_400_000
const HOUR = 3_600_000
const DATE = /^\d{4}-\d{2}-\d{2}$/

export interface Bars {
  lines: Line[]
  from: number
  to: number
  step: number
  /** In which zone their beginnings are told; undefined is the reader's own. */
  zone: string | undefined
  gaps: Band[]
}

/**
 * `starts` are ISO times, or dates of the site's own days: a date has no zone and is told as it stands. A null count was
 * not measured.
 */
export function barsOf(starts: readonly string[], stacks: readonly Stack[], options: { days?: boolean; zone?: string; gapText?: string } = {}): Bars {
  const moments = starts.map((start) => parseTime(start) ?? NaN)
  const first = moments[0] ?? 0
  const last = moments.at(-1) ?? 0
  const step = options.days ? DAY : moments.length > 1 ? (last - first) / (moments.length - 1) : HOUR
  const lines = stacks.map(({ name, counts, tone }): Line => ({ name, tone, points: moments.map((at, i): Point => [at, counts[i] ?? null]) }))
  const gaps: Band[] = []
  moments.forEach((at, i) => {
    if (stacks.some(({ counts }) => (counts[i] ?? null) !== null)) return
    const before = gaps.at(-1)
    if (before && Math.abs(before.end - at) < step / 2) before.end = at + step
    else gaps.push({ kind: 'gap', start: at, end: at + step, text: options.gapText ?? '' })
  })
  const zone = options.days ? (DATE.test(starts[0] ?? '') ? 'UTC' : options.zone) : undefined
  return { lines, from: first, to: last + step, step, zone, gaps }
}
