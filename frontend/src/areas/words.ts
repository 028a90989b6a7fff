/** Changes, spans and series of figures in words. */
import { formatFigure } from '../format'
import { locale, t } from '../i18n'
import { range } from '../range'

const MEASURES = new Set(['ratio', 'seconds', 'bytes', 'EUR', 'days'])

/** A change with its sign, of a share in percentage points; null for one that is too small to show. */
export function changeText(by: number, unit: string): string | null {
  const sign = by > 0 ? '+' : '−'
  const size = Math.abs(by)
  const shown =
    unit === 'ratio'
      ? `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(size * 100)} ${t('area.points')}`
      : // Half a member is what a mean may have, but nobody can join by halves.
        formatFigure(MEASURES.has(unit) ? size : Math.round(size), unit)
  return /[1-9]/.test(shown) ? sign + shown : null
}

export function rangeText(low: number, high: number, unit: string): string {
  const [from, to] = [formatFigure(low, unit), formatFigure(high, unit)]
  if (from === to) return from
  if (low === 0) return t('area.upTo', { high: to })
  return t('area.range', { low: from, high: to })
}

/** Since when the page shows: "24 hours", or the moment. */
export function startText(): string {
  const { live, hours, start } = range.value
  if (!live) return formatDay(start)
  if (hours < 48) return new Intl.NumberFormat(locale(), { style: 'unit', unit: 'hour', unitDisplay: 'long' }).format(hours)
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(hours / 24)
}

/** "+12 in 24 hours", "+12 since 3 November"; null for a change that is too small to show. */
export function changedText(by: number, unit: string): string | null {
  const change = changeText(by, unit)
  return change && t(range.value.live ? 'area.since' : 'area.sinceMoment', { change, since: startText() })
}

export function unchangedText(): string {
  return t(range.value.live ? 'area.unchanged' : 'area.unchangedMoment', { since: startText() })
}

export function formatDay(at: number): string {
  return new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(at)
}

/** From when to when, the day only once. */
export function spanText(start: number, end: number): string {
  const format = new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
  return format.formatRange(start, end)
}
