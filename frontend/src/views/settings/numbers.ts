/** Numbers and lengths of time as people type them. */
import { locale, tn } from '../../i18n'

/** A number as it stands in a field: with the reader's decimal sign and nothing else. */
export function shownNumber(value: number | null): string {
  if (value === null) return ''
  return new Intl.NumberFormat(locale(), { useGrouping: false, maximumFractionDigits: 10 }).format(value)
}

/** The number that was typed, with a comma or a point; null for an empty field, NaN for what is no number. */
export function typedNumber(text: string): number | null {
  const plain = text.trim().replace(',', '.')
  if (!plain) return null
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN
}

/** Whether a text is a length of time such as 90s, 5m or 1h30m. */
export const isSpan = (text: string): boolean => /^(\d+(\.\d+)?[smhdw])+$/.test(text.trim())

/** Days as people say them: 2557 days are seven years. */
export function daysText(days: number): string {
  const years = days / 365.25
  if (years >= 1 && Math.abs(years - Math.round(years)) < 0.01) return tn('setup.years', Math.round(years))
  return tn('setup.days', days)
}
