/** A chart's figures as a table, and that table as a file that every program reads alike. */
import { formatDateTime } from '../format'
import { locale, t } from '../i18n'
import { aligned } from './points'
import type { Line, Sheet, Window } from './types'

/** A cell of a CSV file. A name that a spreadsheet would take for a formula is made harmless. */
function cell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Commas between, points in figures, times as ISO 8601 in UTC: the same in every language (RFC 4180). */
export function csvOf(sheet: Sheet): string {
  const heads = [sheet.csvCorner, ...sheet.columns.map((column) => (column.unit ? `${column.csv} (${column.unit})` : column.csv))]
  const rows = sheet.rows.map((row) => [row.csv, ...row.values])
  return [heads, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n'
}

const slug = (text: string) =>
  text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)

/** For a file's name: to the minute, in UTC, without what a file system refuses. */
const stamp = (at: number) => new Date(at).toISOString().slice(0, 16).replaceAll('-', '').replace('T', '-').replace(':', '')

/** Of the product, the site, what it is and from when to when. */
export function fileName(sheet: Pick<Sheet, 'name' | 'window'>, site: string | null, ending: string): string {
  const parts = ['baken', slug(site ?? ''), slug(sheet.name) || 'chart']
  if (sheet.window) parts.push(stamp(sheet.window.from), stamp(sheet.window.to))
  return `${parts.filter(Boolean).join('_')}.${ending}`
}

export interface SheetInput {
  name: string
  window: Window
  lines: readonly Line[]
  unit: string
  /** Whole days of the site: written as dates. */
  days?: boolean
  /** Each line counts what began in its stretch. */
  counts?: boolean
  zone?: string
}

/** A line per moment within the window, the oldest first. */
export function sheetOf({ name, window, lines, unit, days, counts, zone }: SheetInput): Sheet {
  const level = aligned(lines)
  const moments = (level[0]?.points ?? []).map(([at], i) => ({ at, i })).filter(({ at }) => at >= window.from && at <= window.to)
  return {
    name,
    window,
    corner: t(days ? 'bars.day' : counts ? 'errors.hour' : 'chart.time'),
    csvCorner: days ? 'day' : 'time',
    columns: lines.map((line) => ({ title: line.name, csv: line.name, unit })),
    rows: moments.map(({ at, i }) => ({
      label: days ? dayText(at, zone) : formatDateTime(at, zone),
      csv: days ? new Date(at).toISOString().slice(0, 10) : new Date(at).toISOString(),
      values: level.map((line) => line.points[i]?.[1] ?? null),
    })),
  }
}

export function dayText(at: number, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: zone }).format(at)
}
