/** What the methods about reports answer. Figures, changes and moments of a report are texts in its language. */
import type { Severity } from '../../api/types'

export type Period = 'daily' | 'weekly'
export type Tone = 'good' | 'bad' | 'neutral'

export interface Report {
  period: Period
  site: string
  from: string
  to: string
  health: { status: 'healthy' | 'warning' | 'critical' | 'unknown'; sentences: string[] }
  attention: { severity: Severity; text: string; url: string }[]
  sections: { key: string; title: string; rows: { label: string; value: string; change: string; tone: Tone; note: string }[] }[]
  errors: { total: string; before: string; patterns: { title: string; count: string; change: string; severity: Severity | null }[] }
  alerts: {
    opened: string
    resolved: string
    open: string
    list: { number: number; title: string; severity: Severity; status: string; since: string; url: string }[]
    median_ack: string
    median_resolve: string
  }
  absent: { what: string; why: string }[]
  language: 'en' | 'nl'
  time_zone: string
  until: string
  timestamp: string
}

export interface Recipient {
  name: string
  channel: string
  language: 'en' | 'nl'
  reports: Period[]
  /** It is the reader's own address. */
  me: boolean
  next: { period: Period; at: string } | null
}

export interface Sent {
  at: string
  period: Period
  from: string
  to: string
  recipient: string
  channel: string
  state: 'waiting' | 'sent' | 'dropped'
  problem: string
  by: string
}

export interface Deliveries {
  recipients: Recipient[]
  sent: Sent[]
  report_at: string
  weekly_report_day: string
  time_zone: string
  timestamp: string
}
