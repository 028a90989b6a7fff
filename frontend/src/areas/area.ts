/** Pages about an area: their sections, which figures and charts each has, and what is told of them. */
import type { Alert } from '../api/alerts'
import { language, t } from '../i18n'
import type { SymbolName } from '../symbols'
import type { FigureOf, FiguresAnswer, Incident, Limit, SeriesOf, Unusual } from './answers'

export interface Wanted {
  metric: string
  /** The series with these labels; without it all of them together. */
  labels?: Record<string, string>
  /** Its name here; otherwise that of the catalogue. */
  title?: string
  /** The figure that it is a part of: "12 of 151". */
  of?: { metric: string; labels?: Record<string, string> }
  /** How several series become one figure; otherwise they are added up. */
  take?: 'sum' | 'max' | 'min'
  /** What to do about it, shown while it is above zero. */
  advice?: string
}

export interface Plotted {
  title: string
  metrics: readonly { metric: string; labels?: Record<string, string>; title?: string }[]
  kind?: 'line' | 'area' | 'stack' | 'bars'
  /** Over the whole width. */
  wide?: boolean
}

export interface Section {
  id: string
  title: string
  /** A sentence about what is seen here. */
  lead?: string
  icon: SymbolName
  figures: readonly Wanted[]
  charts: readonly Plotted[]
  /** Metrics that its own parts show beside these. */
  also?: readonly string[]
}

export type State = 'ok' | 'attention' | 'critical' | 'unknown'

export function metricsOf(section: Section): string[] {
  const named = [
    ...section.figures.flatMap((one) => [one.metric, ...(one.of ? [one.of.metric] : [])]),
    ...section.charts.flatMap((chart) => chart.metrics.map((one) => one.metric)),
    ...(section.also ?? []),
  ]
  return [...new Set(named)]
}

export function metricsOfAll(sections: readonly Section[]): string[] {
  return [...new Set(sections.flatMap(metricsOf))]
}

function fits(own: Record<string, string>, wanted: Record<string, string> | undefined): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => own[name] === value)
}

export function seriesOf(figures: FiguresAnswer | null, metric: string, labels?: Record<string, string>): SeriesOf[] {
  return (figures?.[metric]?.series ?? []).filter((one) => fits(one.labels, labels))
}

function together(values: readonly (number | null)[], take: Wanted['take']): number | null {
  const known = values.filter((value): value is number => value !== null)
  if (!known.length) return null
  if (take === 'max') return Math.max(...known)
  if (take === 'min') return Math.min(...known)
  return known.reduce((sum, value) => sum + value, 0)
}

/** The figures of this moment with what was found to be unusual a little earlier. */
export function withUnusual(now: FiguresAnswer, judged: FiguresAnswer | null): FiguresAnswer {
  if (!judged) return now
  return Object.fromEntries(
    Object.entries(now).map(([metric, figure]) => {
      const known = new Map(judged[metric]?.series.map((one) => [JSON.stringify(one.labels), one]))
      const series = figure?.series.map((one) => ({ ...one, ...pick(known.get(JSON.stringify(one.labels))) }))
      return [metric, figure && { ...figure, series: series ?? [] }]
    }),
  )
}

function pick(one: SeriesOf | undefined): Partial<SeriesOf> {
  return one ? { before: one.before, unusual: one.unusual, usual_absent: one.usual_absent } : {}
}

/** A figure now and at the beginning of the time that is shown. The latter needs all of its parts. */
export function valueOf(figures: FiguresAnswer | null, wanted: Pick<Wanted, 'metric' | 'labels' | 'take'>): { value: number | null; before: number | null } {
  const series = seriesOf(figures, wanted.metric, wanted.labels).filter((one) => one.value !== null)
  const before = series.every((one) => one.before !== null) ? together(series.map((one) => one.before), wanted.take) : null
  return { value: together(series.map((one) => one.value), wanted.take), before }
}

/** The limit that is reached first, of the rules about these labels. */
export function limitOf(figure: FigureOf | undefined, labels: Record<string, string> | undefined): Limit | null {
  const fitting = (figure?.limits ?? []).filter((limit) => Object.entries(limit.match).every(([name, value]) => labels?.[name] === value))
  const upwards = fitting.filter((one) => one.how === 'above' || one.how === 'at_least').sort((one, other) => one.figure - other.figure)
  const downwards = fitting.filter((one) => one.how === 'below' || one.how === 'at_most').sort((one, other) => other.figure - one.figure)
  return upwards[0] ?? downwards[0] ?? null
}

export function titleOf(figures: FiguresAnswer | null, metric: string): string {
  return figures?.[metric]?.texts[language.value].title ?? metric.replaceAll('_', ' ')
}

/** Which alerts are about figures of a section. */
export function alertsOf(section: Section, open: readonly Alert[]): Alert[] {
  const own = new Set(metricsOf(section))
  return open.filter((alert) => alert.metric !== null && own.has(alert.metric))
}

/** Whether nothing of a section was ever measured here, and why. */
export function missingIn(section: Section, figures: FiguresAnswer | null): string[] | null {
  if (!figures) return null
  const own = metricsOf(section).map((metric) => figures[metric])
  if (own.some((figure) => figure && (figure.series.length > 0 || !figure.absent))) return null
  return [...new Set(own.flatMap((figure) => (figure?.absent ? [figure.absent] : [])))]
}

/** The metrics of a section that are not measured here, by reason. */
export function absentIn(section: Section, figures: FiguresAnswer | null): { reason: string; titles: string[] }[] {
  const found = new Map<string, string[]>()
  for (const metric of metricsOf(section)) {
    const figure = figures?.[metric]
    if (!figure?.absent || figure.series.length) continue
    found.set(figure.absent, [...(found.get(figure.absent) ?? []), titleOf(figures, metric)])
  }
  return [...found].map(([reason, titles]) => ({ reason, titles }))
}

export function chartsOf(section: Section, figures: FiguresAnswer | null): Plotted[] {
  return section.charts.filter((chart) => chart.metrics.some((one) => seriesOf(figures, one.metric, one.labels).length > 0 || !figures?.[one.metric]?.absent))
}

/** Charts stand two in a row; one that would stand alone beside a hole takes the whole row, as a wide one does. */
export function inRows(charts: readonly Plotted[]): { chart: Plotted; wide: boolean }[] {
  const placed = charts.map((chart) => ({ chart, wide: chart.wide ?? false }))
  let half: { wide: boolean } | null = null
  for (const one of placed) {
    if (one.wide && half) half.wide = true
    half = one.wide || half ? null : one
  }
  if (half) half.wide = true
  return placed
}

export function stateOf(alerts: readonly Alert[]): State {
  if (alerts.some((alert) => alert.severity === 'CRITICAL' || alert.severity === 'HIGH')) return 'critical'
  return alerts.length ? 'attention' : 'ok'
}

export interface Outlier {
  metric: string
  labels: Record<string, string>
  unit: string
  value: number | null
  stretch: Unusual
}

/** What is unusual at this moment, the farthest from its usual first. */
export function unusualNow(metrics: readonly string[], figures: FiguresAnswer | null): Outlier[] {
  const found: (Outlier & { far: number })[] = []
  for (const metric of metrics) {
    const figure = figures?.[metric]
    for (const one of figure?.series ?? []) {
      const stretch = one.unusual.find((each) => each.now)
      if (!figure || !stretch) continue
      const width = Math.max(stretch.high - stretch.low, Number.EPSILON)
      const far = (stretch.above ? stretch.worst - stretch.high : stretch.low - stretch.worst) / width
      found.push({ metric, labels: one.labels, unit: figure.unit, value: one.value, stretch, far })
    }
  }
  return found.sort((one, other) => other.far - one.far)
}

/** How many stretches stood out over the time that is shown, those that go on left out. */
export function unusualBefore(metrics: readonly string[], figures: FiguresAnswer | null): number {
  return metrics.reduce((sum, metric) => sum + (figures?.[metric]?.series ?? []).reduce((part, one) => part + one.unusual.filter((each) => !each.now).length, 0), 0)
}

export function incidentsOf(metrics: readonly string[], incidents: readonly Incident[]): Incident[] {
  const own = new Set(metrics)
  return incidents.filter((one) => one.whole || one.metrics.some((metric) => own.has(metric)))
}

export function sayIn(text: { en?: string; nl?: string } | string | undefined): string {
  if (typeof text === 'string') return text
  return text?.[language.value] ?? text?.en ?? ''
}

export function unitRate(figure: FigureOf | undefined): string {
  return figure?.kind === 'counter' ? t('area.perSecond') : ''
}
