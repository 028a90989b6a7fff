/** Round figures for the axes of a chart: of a unit, and of time. */
import { locale } from '../i18n'

export interface Scale {
  low: number
  high: number
  ticks: number[]
}

const TENS = [1, 2, 5, 10]
const MINUTE = 60
const HOUR = 3600
/** Steps of seconds that people count in, from ten seconds on. */
const OF_TIME = [10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR]

/** A round step that gives about `count` lines between two values. */
function roundStep(span: number, count: number, unit: string): number {
  const raw = span / Math.max(1, count)
  if (unit === 'seconds' && raw > 5) {
    const found = OF_TIME.find((one) => one >= raw)
    if (found) return found
  }
  const size = 10 ** Math.floor(Math.log10(raw))
  return (TENS.find((one) => one * size >= raw * 0.999) ?? 10) * size
}

export interface ScaleOptions {
  unit?: string
  /** Only whole figures are there: a step of a half would mean nothing. */
  whole?: boolean
  /** The length of what is drawn tells the figure, so it begins at zero. */
  zero?: boolean
  /** How many lines there is room for. */
  lines?: number
}

/** Values with their limit in sight; from zero unless all of it happens far above. */
export function scaleOf(values: number[], limit: number | null, options: ScaleOptions = {}): Scale {
  const { unit = '', whole = false, zero = false, lines = 3 } = options
  if (unit === 'bool') return { low: 0, high: 1, ticks: [0, 1] }
  const all = limit === null ? values : [...values, limit]
  if (!all.length) return { low: 0, high: 1, ticks: [0, 1] }
  const least = all.reduce((a, b) => Math.min(a, b))
  const most = all.reduce((a, b) => Math.max(a, b))
  const base = (zero || least >= 0) && (zero || least < most * 0.6 || most === 0) ? Math.min(0, least) : least
  const top = zero ? Math.max(0, most) : most
  // Two hundredths of a share at least: what changes less is as good as still, and its axis would need digits to tell.
  const flat = unit === 'ratio' && base > 0 ? 0.02 : 0
  const span = Math.max(top - base, flat) || Math.abs(top) || 1
  const rounded = roundStep(span, lines, unit)
  const step = whole ? Math.max(1, Math.ceil(rounded)) : rounded
  const round = (value: number) => Number(value.toPrecision(12))
  const low = base === 0 ? 0 : round(Math.floor((base - span * 0.06) / step) * step)
  let high = top === 0 && zero && least < 0 ? 0 : round(Math.ceil((top + span * 0.04) / step) * step)
  // Where nothing can be more than all, no room above it is shown.
  if (unit === 'ratio' && top <= 1 && high > 1) high = 1
  const ticks = []
  for (let i = 0; low + i * step <= high + step / 1000; i += 1) ticks.push(round(low + i * step))
  return { low, high: high > low ? high : round(low + step), ticks }
}

const MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }
const SHORT_STEPS = [1, 2, 5, 10, 15, 30].map((n) => n * MS.minute).concat([1, 2, 3, 6, 12].map((n) => n * MS.hour))
const DAY_STEPS = [1, 2, 7, 14]
/** A step a little shorter than there is room for fits as well. */
const NEAR = 0.85
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60]

/** How far a zone's clock is ahead of UTC at a moment; without a zone the reader's own. */
function offsetOf(at: number, zone?: string): number {
  if (!zone) return -new Date(at).getTimezoneOffset() * MS.minute
  if (zone === 'UTC') return 0
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(at)
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - Math.floor(at / 1000) * 1000
}

/** The moment at which a zone's clock shows this wall time (as if it were UTC). */
function momentOf(wall: number, zone?: string): number {
  const guess = wall - offsetOf(wall, zone)
  return wall - offsetOf(guess, zone)
}

export interface TimeTick {
  at: number
  text: string
  /** A day, month or year begins here. */
  major: boolean
}

/** Round moments between two, about `count` of them, and how to write them. */
export function timeTicks(from: number, to: number, count: number, zone?: string): TimeTick[] {
  const raw = (to - from) / Math.max(1, count)
  const write = (at: number, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), { ...options, timeZone: zone }).format(at)
  const found: TimeTick[] = []
  const short = SHORT_STEPS.find((one) => one >= raw * NEAR)
  const first = from + offsetOf(from, zone)
  if (short) {
    for (let wall = Math.ceil(first / short) * short; found.length < 200; wall += short) {
      const at = momentOf(wall, zone)
      if (at > to) break
      const major = wall % MS.day === 0
      if (at >= from && at !== found.at(-1)?.at) found.push({ at, major, text: write(at, major ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit' }) })
    }
    return found
  }
  const days = DAY_STEPS.find((one) => one * MS.day >= raw * NEAR)
  if (days) {
    // Weeks begin on Monday; 5 January 1970 was one.
    const origin = days % 7 === 0 ? 4 * MS.day : 0
    for (let wall = Math.ceil((first - origin) / (days * MS.day)) * days * MS.day + origin; found.length < 200; wall += days * MS.day) {
      const at = momentOf(wall, zone)
      if (at > to) break
      if (at >= from) found.push({ at, major: new Date(wall).getUTCDate() === 1, text: write(at, { day: 'numeric', month: 'short' }) })
    }
    return found
  }
  const months = MONTH_STEPS.find((one) => one * 30 * MS.day >= raw * NEAR) ?? 120
  const start = new Date(first)
  for (let month = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months; found.length < 200; month += months) {
    const at = momentOf(Date.UTC(Math.floor(month / 12), month % 12, 1), zone)
    if (at > to) break
    const major = month % 12 === 0
    if (at >= from) found.push({ at, major, text: write(at, major ? { year: 'numeric' } : { month: 'short' }) })
  }
  return found
}
