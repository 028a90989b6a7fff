/** What a dashboard consists of, as the server keeps it (baken/history/dashboard_body.py) and as files hold it. */
import { heightFor, SIZES } from './sizes'

export const FORMAT = 'baken-dashboard'
export const FORMAT_VERSION = 1
export const MOST_PANELS = 100
export const MOST_TITLE = 120
export const KINDS = ['chart', 'figure', 'table', 'alerts', 'errors', 'text'] as const
export const DRAWS = ['line', 'area', 'stack', 'bars'] as const
export const COMPARES = ['none', 'week', 'period'] as const
export const SEVERITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const
export const ERROR_SORTS = ['count', 'latest'] as const
/** How many metrics each kind shows at least and at most; kinds that are not here show none. */
export const METRIC_LIMITS: Partial<Record<Kind, [least: number, most: number]>> = { chart: [1, 12], figure: [1, 1], table: [1, 20] }
export const ROW_LIMITS: Partial<Record<Kind, number>> = { table: 100, alerts: 50, errors: 50 }

export type Kind = (typeof KINDS)[number]
export type Draw = (typeof DRAWS)[number]
export type Compare = (typeof COMPARES)[number]

export interface Place {
  x: number
  y: number
  w: number
  h: number
}

/** A metric, or those of its label sets that have one of the named values. */
export interface Shown {
  metric: string
  labels: Record<string, string[]>
  title: string
}

interface Common extends Place {
  id: string
  title: string
}

export interface ChartPanel extends Common {
  kind: 'chart'
  metrics: Shown[]
  draw: Draw
  /** One line per metric in place of one per label set. */
  sum: boolean
  compare: Compare
  limit: number | null
}

export interface FigurePanel extends Common {
  kind: 'figure'
  metrics: Shown[]
  compare: Compare
}

export interface TablePanel extends Common {
  kind: 'table'
  metrics: Shown[]
  rows: number
}

export interface AlertsPanel extends Common {
  kind: 'alerts'
  rows: number
  severities: string[]
}

export interface ErrorsPanel extends Common {
  kind: 'errors'
  rows: number
  sort: (typeof ERROR_SORTS)[number]
}

export interface TextPanel extends Common {
  kind: 'text'
  text: string
}

export type Panel = ChartPanel | FigurePanel | TablePanel | AlertsPanel | ErrorsPanel | TextPanel

export interface Body {
  format: typeof FORMAT
  version: number
  panels: Panel[]
}

/** Smaller than this nothing of it can be read. */
export const LEAST: Record<Kind, { w: number; h: number }> = {
  chart: { w: 3, h: 3 },
  figure: { w: 2, h: 2 },
  table: { w: 3, h: 3 },
  alerts: { w: 3, h: 3 },
  errors: { w: 3, h: 3 },
  text: { w: 2, h: 1 },
}

export function newId(): string {
  return crypto.getRandomValues(new Uint32Array(2)).reduce((id, part) => id + part.toString(36), 'p')
}

export const shown = (metric: string, labels: Record<string, string[]> = {}): Shown => ({ metric, labels, title: '' })

/** A panel of a kind as it begins, at the place 0, 0, and so high that its charts can be read. */
export function newPanel(kind: Kind, metrics: Shown[] = []): Panel {
  const common = { id: newId(), title: '', x: 0, y: 0, w: SIZES[kind].w, h: heightFor(kind, metrics) }
  switch (kind) {
    case 'chart':
      return { ...common, kind, metrics, draw: 'line', sum: false, compare: 'none', limit: null }
    case 'figure':
      return { ...common, kind, metrics, compare: 'week' }
    case 'table':
      return { ...common, kind, metrics, rows: 20 }
    case 'alerts':
      return { ...common, kind, rows: 5, severities: [] }
    case 'errors':
      return { ...common, kind, rows: 5, sort: 'count' }
    case 'text':
      return { ...common, kind, text: '' }
  }
}

export const bodyOf = (panels: readonly Panel[]): Body => ({ format: FORMAT, version: FORMAT_VERSION, panels: [...panels] })

export function metricsOf(panel: Panel): Shown[] {
  return 'metrics' in panel ? panel.metrics : []
}

/** Whether a series with these labels is among those that are shown. */
export function isShown(one: Shown, labels: Record<string, string>): boolean {
  return Object.entries(one.labels).every(([name, values]) => !values.length || values.includes(labels[name] ?? ''))
}
