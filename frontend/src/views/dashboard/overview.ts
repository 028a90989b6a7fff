/** What `baken.get_overview` answers: the site in a sentence and a number, what needs somebody, and the figures. */
import type { PartError, Severity } from '../../api/types'

export interface Texts {
  en: string
  nl: string
}

export type Mood = 'ok' | 'attention' | 'critical' | 'unknown'

export interface Reason {
  kind: 'check' | 'alert' | 'unjudged'
  key: string
  points: number
  severity: Severity
  text: Texts
  link: string
}

export interface HealthAnswer {
  status: 'healthy' | 'warning' | 'critical' | 'unknown'
  mood: Mood
  sentence: Texts
  /** 0 to 100; null when nothing is known about the site. */
  score: number | null
  reasons: Reason[]
  checks: number
  unjudged: { name: Texts; why: string }[]
}

export interface Item {
  kind: 'alert' | 'waiting' | 'site' | 'figures' | 'finding' | 'told'
  key: string
  severity: Severity
  state: 'open' | 'acknowledged' | 'quiet'
  title: Texts
  means: Texts
  todo: Texts
  since: string | null
  /** Place within the dashboard; empty when there is none. */
  link: string
  metric: string | null
  number: number | null
  may_act: boolean
}

export interface AttentionAnswer {
  items: Item[]
  total: number
  open: number
}

export interface Card {
  key: string
  metric: string
  labels: Record<string, string>
  texts: Record<'en' | 'nl', { title: string; help: string }>
  unit: string
  good: 'up' | 'down' | null
  value: number | null
  at: string | null
  stale: boolean
  absent: string | null
  before: number | null
  change: number | null
  verdict: 'better' | 'worse' | 'same' | null
  against: 'moment' | 'day' | 'none'
  course: { at: number[]; value: number[] }
}

export type CardsAnswer = Record<'members' | 'money' | 'system', Card[]>

export interface OverviewAnswer {
  health: HealthAnswer | PartError
  attention: AttentionAnswer | PartError
  cards: CardsAnswer | PartError
  site: string
  time_zone: string | null
  timestamp: string
}
