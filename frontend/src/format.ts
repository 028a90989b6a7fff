/** Numbers, units and times as people in the chosen language write them. */
import { locale, t, tn } from './i18n'
import { shownZone } from './preferences'

export const ABSENT = '—'

function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(locale(), options).format(value)
}

function measure(value: number, unit: string, digits: number): string {
  return number(value, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits })
}

export function formatCount(value: number): string {
  return number(value, { maximumFractionDigits: 2 })
}

/** A ratio 0..1 as a percentage; small ones keep a digit so that 0.4 % does not read as 0 %. */
export function formatRatio(value: number): string {
  const percent = Math.abs(value * 100)
  const digits = percent === 0 || percent >= 10 ? 0 : 1
  // 99.6 % must not round up to "100 %": full means full.
  const shown = value < 1 && value > 0.99 ? Math.floor(value * 1000) / 1000 : value
  return number(shown, { style: 'percent', maximumFractionDigits: value < 1 && value > 0.99 ? 1 : digits })
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

export function formatBytes(value: number): string {
  let size = value
  let step = 0
  while (Math.abs(size) >= 1000 && step < BYTE_UNITS.length - 1) {
    size /= 1000
    step += 1
  }
  return `${number(size, { maximumFractionDigits: Math.abs(size) >= 100 || step === 0 ? 0 : 1 })} ${BYTE_UNITS[step] ?? 'B'}`
}

export function formatSeconds(value: number): string {
  const size = Math.abs(value)
  const digits = (maximumFractionDigits: number, shown: number) => number(shown, { maximumFractionDigits })
  if (size === 0) return '0 s'
  if (size < 1) return `${digits(size < 0.01 ? 1 : 0, value * 1000)} ms`
  if (size < 90) return `${digits(size < 10 ? 1 : 0, value)} s`
  if (size < 5400) return `${digits(0, value / 60)} min`
  if (size < 172800) return `${digits(size < 36000 ? 1 : 0, value / 3600)} ${t('unit.hour')}`
  return measure(value / 86400, 'day', size < 864000 ? 1 : 0)
}

export function formatEuro(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : 2
  return number(value, { style: 'currency', currency: 'EUR', minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A figure with its unit as the catalogue names it (ratio, seconds, bytes, EUR, days, bool, or what is counted). */
export function formatFigure(value: number, unit: string): string {
  switch (unit.toLowerCase()) {
    case 'ratio':
      return formatRatio(value)
    case 'seconds':
    case 'second':
    case 's':
      return formatSeconds(value)
    case 'bytes':
    case 'byte':
      return formatBytes(value)
    case 'eur':
    case 'euro':
    case 'currency':
      return formatEuro(value)
    case 'days':
      return measure(value, 'day', 0)
    case 'bool':
    case 'boolean':
      return value ? t('figure.yes') : t('figure.no')
    default:
      return formatCount(value)
  }
}

/** What a metric counts, for so many: "member", "members"; '' where the figure says its unit itself. */
export function unitNoun(unit: string, n = 2): string {
  const text = tn(`unit.${unit}`, n)
  return text.startsWith('unit.') || unit === 'days' ? '' : text
}

/** A figure with what it counts: "12 members", "1 lid", "4,2 s". */
export function formatAmount(value: number, unit: string): string {
  const noun = unitNoun(unit, value)
  return noun ? `${formatFigure(value, unit)} ${noun}` : formatFigure(value, unit)
}

/** Milliseconds since 1970 of an ISO time or of a number; null when it is neither. */
export function parseTime(value: string | number | null | undefined): number | null {
  if (value === null || value === undefined || value === '') return null
  const ms = typeof value === 'number' ? value : Date.parse(value)
  return Number.isFinite(ms) ? ms : null
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** "3 minutes ago"; under a minute in steps of ten seconds so that it does not flicker. */
export function formatAgo(at: number, nowMs: number): string {
  const passed = nowMs - at
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'long' })
  for (const [unit, size] of STEPS) {
    if (Math.abs(passed) >= size) return relative.format(-Math.trunc(passed / size), unit)
  }
  const seconds = Math.floor(Math.max(0, passed) / 10_000) * 10
  return seconds === 0 ? t('time.justNow') : relative.format(-seconds, 'second')
}

export function formatDateTime(at: number, timeZone = shownZone.value): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium', timeZone }).format(at)
}

/** The time of day, with the date in front when it is not today. */
export function formatMoment(at: number, nowMs: number): string {
  const timeZone = shownZone.value
  const day = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', timeZone })
  const sameDay = day.format(at) === day.format(nowMs)
  const options: Intl.DateTimeFormatOptions = sameDay
    ? { hour: '2-digit', minute: '2-digit' }
    : { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }
  return new Intl.DateTimeFormat(locale(), { ...options, timeZone }).format(at)
}

export function formatHour(at: number): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', timeZone: shownZone.value }).format(at)
}

/** A whole span for waiting and silence: "4 min", "2 h". */
export function formatSpan(ms: number): string {
  return formatSeconds(Math.max(0, Math.round(ms / 1000)))
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}
