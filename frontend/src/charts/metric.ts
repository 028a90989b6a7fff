/** Answers about metrics and marks, made into lines, stretches and marks to draw. */
import { reason } from '../reasons'
import { language, t } from '../i18n'
import { valuesText } from '../labels'
import { ratesOf } from './points'
import type { Band, Line, Mark, Point, Spread } from './types'

export interface SeriesAnswer {
  metric: string
  unit: string
  kind: string
  start: number
  end: number
  /** Seconds. */
  step: number
  series: RawSeries[]
  gaps: { start: number; end: number; reason: string }[]
  absent: string | null
}

export interface RawSeries {
  labels: Record<string, string>
  at: number[]
  value: (number | null)[]
  min?: (number | null)[]
  max?: (number | null)[]
  usual?: { low: (number | null)[]; high: (number | null)[]; rate?: boolean } | null
  usual_absent?: string | null
  unusual?: { start: number; end: number; above: boolean }[]
}

export interface Incident {
  number: number
  rule: string
  title: Record<string, string>
  metric: string | null
  metrics: string[]
  /** It concerns every figure of the site. */
  whole: boolean
  labels: Record<string, string>
  severity: string
  status: string
  start: number
  end: number | null
}

export interface MarksAnswer {
  incidents: Incident[]
  releases: { at: number; app: string; version: string }[]
  gaps: { start: number; end: number; reason: string; host: boolean }[]
  more?: boolean
}

/** One label set as a line. With `spread`, between what each point is, and with `usual` between what it usually is. */
export function lineOf(series: RawSeries, name: string, counter: boolean, options: { spread?: boolean; usual?: boolean } = {}): Line {
  const points = series.at.map((at, i): Point => [at, series.value[i] ?? null])
  const line: Line = { name, points: counter ? ratesOf(points) : points }
  const { min, max, usual } = series
  if (options.spread && min && max && !counter) line.range = series.at.map((at, i): Spread => [at, min[i] ?? null, max[i] ?? null])
  if (options.usual && usual && Boolean(usual.rate) === counter) line.usual = series.at.map((at, i): Spread => [at, usual.low[i] ?? null, usual.high[i] ?? null])
  return line
}

/** What tells the label sets of one metric apart: the labels that differ, in words. */
export function namesOf(series: readonly { labels: Record<string, string> }[], fallback: string): string[] {
  const keys = [...new Set(series.flatMap((one) => Object.keys(one.labels)))]
  const telling = series.length < 2 ? keys : keys.filter((key) => new Set(series.map((one) => one.labels[key] ?? '')).size > 1)
  return series.map((one) => valuesText(Object.fromEntries(telling.map((key) => [key, one.labels[key] ?? '']))) || fallback)
}

/** All label sets as one: their sum at the moments at which each has a figure. */
export function summed(lines: readonly Line[], name: string): Line {
  const sums = new Map<number, { count: number; sum: number }>()
  for (const line of lines) {
    for (const [at, value] of line.points) {
      if (value === null) continue
      const known = sums.get(at) ?? { count: 0, sum: 0 }
      sums.set(at, { count: known.count + 1, sum: known.sum + value })
    }
  }
  const points = [...sums].sort(([a], [b]) => a - b).map(([at, { count, sum }]): Point => [at, count === lines.length ? sum : null])
  return { name, points }
}

/** A line of another time, moved to where it is compared with. */
export function moved(line: Line, by: number, name: string): Line {
  return { name, dashed: true, points: line.points.map(([at, value]): Point => [at + by, value]) }
}

/** Where nothing was measured; the same stretch told by two answers is one. */
export function gapBands(gaps: readonly { start: number; end: number; reason: string }[]): Band[] {
  const found: Band[] = []
  for (const gap of [...gaps].sort((a, b) => a.start - b.start)) {
    const text = t('chart.gap', { reason: reason(gap.reason) })
    const before = found.at(-1)
    if (before && before.text === text && gap.start <= before.end) before.end = Math.max(before.end, gap.end)
    else found.push({ kind: 'gap', start: gap.start, end: gap.end, text })
  }
  return found
}

export function unusualBands(series: readonly RawSeries[], names: readonly string[]): Band[] {
  return series.flatMap((one, i) =>
    (one.unusual ?? []).map(({ start, end, above }): Band => {
      const text = t(above ? 'chart.above' : 'chart.below')
      return { kind: 'unusual', start, end, text: series.length > 1 ? `${names[i] ?? ''}: ${text}` : text }
    }),
  )
}

const TONES: Record<string, Mark['tone']> = { CRITICAL: 'critical', HIGH: 'critical', MEDIUM: 'attention', LOW: 'accent' }

/** Whether an alert is about these labels: it says nothing else of one that they say as well. */
function fits(labels: Record<string, string>, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([name, value]) => !(name in labels) || labels[name] === value)
}

/** What happened to these metrics: alerts that look at them, and releases. */
export function marksOf(answer: MarksAnswer, metrics: readonly { metric: string; labels?: Record<string, string> }[]): Mark[] {
  const incidents = answer.incidents
    .filter((one) => one.whole || metrics.some(({ metric, labels }) => (one.metrics ?? [one.metric]).includes(metric) && fits(one.labels, labels ?? {})))
    .map((one): Mark => ({
      at: one.start,
      end: one.end,
      title: one.title[language.value] || Object.values(one.title).find(Boolean) || one.rule,
      kind: t('chart.incident'),
      icon: one.severity === 'CRITICAL' ? 'critical' : 'attention',
      tone: TONES[one.severity] ?? 'attention',
      to: { name: 'alert', params: { number: String(one.number) } },
    }))
  const releases = answer.releases.map((one): Mark => ({ at: one.at, title: `${one.app} ${one.version}`, kind: t('chart.release'), icon: 'up', tone: 'muted' }))
  return [...incidents, ...releases]
}

/** The newest points after those that were known: of what both tell, the newer counts; what lies before `start` goes. */
export function appended(known: SeriesAnswer, more: SeriesAnswer, start: number): SeriesAnswer {
  const key = (series: RawSeries) => JSON.stringify(Object.entries(series.labels).sort())
  const fresh = new Map(more.series.map((series) => [key(series), series]))
  const cut = more.start - (more.start % (more.step * 1000))
  const join = (old: RawSeries, add: RawSeries | undefined): RawSeries => {
    const keep = old.at.map((at, i) => ({ at, i })).filter(({ at }) => at < cut && at >= start - known.step * 1000)
    const row = <T>(before: T[] | undefined, after: T[] | undefined): T[] | undefined =>
      before || after ? [...keep.map(({ i }) => (before?.[i] ?? null) as T), ...(after ?? (add ? add.at.map(() => null as T) : []))] : undefined
    const usual = old.usual || add?.usual
    return {
      ...old,
      at: [...keep.map(({ at }) => at), ...(add?.at ?? [])],
      value: row(old.value, add?.value) ?? [],
      min: row(old.min ?? (add?.min ? old.value : undefined), add?.min ?? (old.min ? add?.value : undefined)),
      max: row(old.max ?? (add?.max ? old.value : undefined), add?.max ?? (old.max ? add?.value : undefined)),
      usual: usual ? { ...usual, low: row(old.usual?.low, add?.usual?.low) ?? [], high: row(old.usual?.high, add?.usual?.high) ?? [] } : usual,
      unusual: [...(old.unusual ?? []).filter((one) => one.end < cut), ...(add?.unusual ?? [])],
    }
  }
  const joined = known.series.map((series) => join(series, fresh.get(key(series))))
  const before = new Set(known.series.map(key))
  const gaps = [...known.gaps.filter((gap) => gap.end < cut), ...more.gaps]
  return { ...known, start, end: more.end, absent: more.absent, gaps, series: [...joined, ...more.series.filter((series) => !before.has(key(series)))].filter((series) => series.at.length) }
}
