/** The days that a report is about, in the reader's words and the site's zone. */
import { locale } from '../../i18n'

/** "Thursday 26 November 2026", or "20–26 November 2026" for several days; `to` is the moment at which they are over. */
export function daysText(from: string, to: string, timeZone: string): string {
  const first = new Date(from)
  const last = new Date(Date.parse(to) - 1)
  const day = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), { timeZone, ...options })
  const same = day({ dateStyle: 'short' })
  if (same.format(first) === same.format(last)) return day({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(first)
  return day({ day: 'numeric', month: 'long', year: 'numeric' }).formatRange(first, last)
}

/** A moment on the site's clock. */
export function momentText(at: string, timeZone: string): string {
  return new Intl.DateTimeFormat(locale(), { timeZone, weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}
