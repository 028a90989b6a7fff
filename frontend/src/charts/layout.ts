/** Where everything of a chart stands, in pixels: worked out here, so that what lies over the canvas fits what is drawn on it. */
import { axisFigures } from './figures'
import { aligned, stacked, within } from './points'
import { scaleOf, timeTicks, type Scale, type TimeTick } from './scale'
import type { Box, Kind, Line, Window } from './types'

export const FONT_SIZE = 12
/** Above the plot: room for the flags of what happened. */
const FLAGS = 24
const ABOVE = 10
const BELOW = 24
const RIGHT = 20
/** A moment on the axis takes this much; on a phone they stand closer. */
const TICK_ROOM = 80
const NARROW_ROOM = 60
const NARROW = 480
const LINE_ROOM = 44

export interface Layout {
  width: number
  height: number
  plot: Box
  scale: Scale
  /** The figures of the vertical axis as text, one per tick of the scale. */
  figures: string[]
  ticks: TimeTick[]
  x: (at: number) => number
  y: (value: number) => number
  at: (x: number) => number
}

export interface LayoutInput {
  width: number
  height: number
  lines: readonly Line[]
  window: Window
  unit: string
  kind: Kind
  limit: number | null
  /** Whether something that happened has to be flagged above the plot. */
  flagged: boolean
  zone?: string
  /** So far to the right of their moment the names of days stand: below the middle of what they are of. */
  shift?: number
  /** The width of a text in pixels. */
  measure: (text: string) => number
}

/** Every figure that must be in sight. */
function figuresOf(lines: readonly Line[], kind: Kind, window: Window): number[] {
  const plain = kind === 'stack' || kind === 'bars' ? lines.filter((line) => line.dashed) : lines
  const found: number[] = []
  const take = (value: number | null) => {
    if (value !== null && Number.isFinite(value)) found.push(value)
  }
  for (const line of plain) {
    for (const [, value] of within(line.points, window)) take(value)
    for (const [, low, high] of within(line.range ?? [], window)) {
      take(low)
      take(high)
    }
  }
  if (plain.length < lines.length) {
    const summed = aligned(lines.filter((line) => !line.dashed))
    for (const row of stacked(summed)) row.forEach((value, i) => ((summed[0]?.points[i]?.[0] ?? 0) >= window.from && (summed[0]?.points[i]?.[0] ?? 0) <= window.to ? take(value) : undefined))
  }
  return found
}

/** What is usual is in sight as well, as far as that does not flatten the line itself. */
function withUsual(values: number[], lines: readonly Line[], window: Window): number[] {
  if (!values.length) return values
  const low = values.reduce((a, b) => Math.min(a, b))
  const high = values.reduce((a, b) => Math.max(a, b))
  const room = (high - low || Math.abs(high) || 1) / 2
  const usual = lines.flatMap((line) => within(line.usual ?? [], window).flatMap(([, least, most]) => [least, most])).filter((value): value is number => value !== null)
  return values.concat(usual.map((value) => Math.min(high + room, Math.max(low >= 0 ? Math.max(0, low - room) : low - room, value))))
}

export function layoutOf(input: LayoutInput): Layout {
  const { width, height, lines, window, unit, kind, limit, flagged, measure } = input
  const top = flagged ? FLAGS : ABOVE
  const plotHeight = Math.max(20, height - top - BELOW)
  const figured = figuresOf(lines, kind, window)
  const values = withUsual(figured, lines, window)
  const scale = scaleOf(values, limit, {
    unit,
    whole: figured.every((value) => Number.isInteger(value)) && !['seconds', 'ratio', 'EUR'].includes(unit),
    zero: kind !== 'line',
    lines: Math.max(2, Math.min(6, Math.floor(plotHeight / LINE_ROOM))),
  })
  const figures = axisFigures(scale.ticks, unit)
  const left = Math.min(width * 0.35, Math.ceil(Math.max(18, ...figures.map(measure)))) + 10
  const plot: Box = { left, top, width: Math.max(20, width - left - RIGHT), height: plotHeight }
  const span = Math.max(1, window.to - window.from)
  return {
    width,
    height,
    plot,
    scale,
    figures,
    ticks: timeTicks(window.from, window.to, Math.max(2, Math.floor(plot.width / (plot.width < NARROW ? NARROW_ROOM : TICK_ROOM))), input.zone)
      .map((tick) => ({ ...tick, at: tick.at + (input.shift ?? 0) }))
      .filter((tick) => tick.at <= window.to),
    x: (at) => plot.left + ((at - window.from) / span) * plot.width,
    y: (value) => plot.top + plot.height - ((value - scale.low) / (scale.high - scale.low)) * plot.height,
    at: (x) => window.from + ((x - plot.left) / plot.width) * span,
  }
}
