/** The answers of `baken.get_figures` and `baken.get_marks`. Moments are milliseconds since 1970. */
import type { Severity } from '../api/types'

export interface Unusual {
  start: number
  end: number
  above: boolean
  points: number
  worst: number
  at: number
  low: number
  high: number
  /** It goes on. */
  now: boolean
}

export interface SeriesOf {
  labels: Record<string, string>
  /** Of a counter: per second, over the last hour. */
  value: number | null
  /** When the time that is shown began. */
  before: number | null
  unusual: Unusual[]
  usual_absent: string | null
}

export interface Limit {
  rule: string
  severity: Severity
  how: 'above' | 'at_least' | 'below' | 'at_most'
  figure: number
  match: Record<string, string>
}

export interface FigureOf {
  unit: string
  kind: 'gauge' | 'counter'
  good: 'up' | 'down' | null
  texts: Record<'en' | 'nl', { title: string; help: string }>
  at: string | null
  absent: string | null
  limits: Limit[]
  series: SeriesOf[]
}

export type FiguresAnswer = Partial<Record<string, FigureOf>>

export interface Incident {
  number: number
  rule: string
  title: { en?: string; nl?: string }
  metric: string | null
  metrics: string[]
  whole: boolean
  labels: Record<string, string>
  severity: Severity
  area: string
  status: string
  start: number
  end: number | null
}

export interface MarksAnswer {
  start: number
  end: number
  incidents: Incident[]
  releases: { at: number; app: string; version: string; previous: string }[]
  gaps: { start: number; end: number; reason: string; host: boolean }[]
  more: boolean
}
