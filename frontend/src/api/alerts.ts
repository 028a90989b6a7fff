/** The answers of the methods about alerts. Times are ISO 8601 or null; durations are seconds. */
import type { Severity } from './types'

/** A text by language; a plain text has none. */
export type Text = { en?: string; nl?: string } | string

export type AlertStatus = 'Active' | 'Acknowledged' | 'Resolved'
export type Feedback = '' | 'useful' | 'false_alarm'
export type Labels = Record<string, string>

export interface Suppressed {
  kind: 'silence' | 'maintenance' | 'inhibited'
  /** Of the silence, or number of the alert that inhibits. */
  id: number | null
  text: string
}

export interface Alert {
  /** Null for a row of the site's own table. */
  number: number | null
  name: string
  rule: string
  alert_type: string
  severity: Severity
  area: string
  status: AlertStatus
  /** Empty for the host and for Baken itself. */
  site: string
  labels: Labels
  where: string
  /** What people call the rule, without a figure. */
  rule_name?: Text
  title: Text
  message: Text
  /** Where `message` is a plain text: the same by language. */
  messages?: Text
  advice: Text
  value: number | null
  limit: number | null
  unit: string
  began: string | null
  fired: string | null
  last_seen: string | null
  timestamp: string | null
  occurrences: number
  step: number
  step_due: string | null
  suppressed: Suppressed | null
  flapping: boolean
  unknown: { since: string | null; reason: string } | null
  assigned_to: string
  acknowledged_at: string | null
  acknowledged_by: string
  resolved_at: string | null
  /** Empty: it was over by itself. */
  resolved_by: string
  feedback: Feedback
  source: 'baken' | 'site'
  may_act: boolean
  metric: string | null
  match: Labels
}

export interface PendingAlert {
  rule: string
  /** What people call the rule, without a figure. */
  rule_name?: Text
  title: Text
  site: string
  labels: Labels
  since: string | null
  fires_at: string | null
  value: number | null
  limit: number | null
  unit: string
}

export interface UnknownAlert {
  rule: string
  /** What people call the rule, without a figure. */
  rule_name?: Text
  title: Text
  site: string
  labels: Labels
  since: string | null
  reason: string
}

export interface AlertCounts {
  /** Open ones by severity, however much the list is narrowed. */
  open: Partial<Record<Severity, number>>
  active: number
  acknowledged: number
  suppressed: number
  resolved_24h: number
}

export interface AlertsList {
  alerts: Alert[]
  more: boolean
  counts: AlertCounts
  pending: PendingAlert[]
  unknown: UnknownAlert[]
  evaluated_at: string | null
  lag_seconds: number | null
  /** Whether channels and recipients are set up. */
  can_notify: boolean
  timestamp: string
}

export interface TrailEntry {
  at: string
  kind: string
  /** Empty: Baken itself. */
  user: string
  text: string
  detail: Record<string, unknown>
}

export interface Notification {
  at: string
  due?: string | null
  channel: string
  recipient: string
  state: 'waiting' | 'sent' | 'dropped'
  /** Why it waits for a digest; empty otherwise. */
  held: string
  event: string | null
  problem: string
  attempts: number
}

export interface AlertChart {
  metric: string
  labels: Labels
  unit: string
  help: string
  /** Which direction is welcome; null where neither is. */
  good: string | null
  limit: number | null
  points: [number, number | null][]
  from: string | number
  to: string | number
  marks: { at: string; kind: string }[]
}

export interface AlertRuleBrief {
  name: string
  /** What people call the rule, without a figure. */
  rule_name?: Text
  words: string
  reason: Text
  for: number | string | null
  keep: number | string | null
  severity: string
  kind: string
  source: string
  enabled: boolean
  runbook?: string
}

export interface AlertDetail {
  alert: Alert
  trail: TrailEntry[]
  notifications: Notification[]
  chart: AlertChart | null
  rule: AlertRuleBrief | null
  /** Where another system shows what it reported; empty for Baken's own. */
  link?: string
  earlier: Alert[]
  timestamp: string
}

export interface AlertsChanged {
  changed: number[]
  refused: { number: number; reason: string }[]
  alerts: Alert[]
}

export interface Recurrence {
  days: string[]
  at: string
  minutes: number
  zone: string
}

export interface Silence {
  id: number
  kind: 'silence' | 'maintenance'
  /** Empty: all sites. */
  site: string
  matchers: Labels
  starts: string | null
  ends: string | null
  recurrence: Recurrence | null
  comment: string
  created_by: string
  created_at: string | null
  ended_at: string | null
  ended_by: string
  state: 'active' | 'pending' | 'ended'
  next: { starts: string; ends: string } | null
  /** Open alerts that it holds now. */
  affects: number
}

export interface SilencesAnswer {
  silences: Silence[]
  timestamp: string
}

export interface RuleFigures {
  rule: string
  /** What people call the rule, without a figure. */
  rule_name?: Text
  title: Text
  severity: Severity
  count: number
  open: number
  median_seconds_to_acknowledge: number | null
  median_seconds_to_resolve: number | null
  /** Null when nobody rated. */
  false_alarm_share: number | null
  rated: number
  suppressed: number
  flapping: number
  notifications: number
  last_fired: string | null
}

export interface AlertStatistics {
  period: string | number | Record<string, unknown>
  total: number
  by_severity: Partial<Record<Severity, number>>
  by_status: Record<string, number>
  by_area: Record<string, number>
  by_day: ({ date: string } & Partial<Record<Severity, number>>)[]
  rules: RuleFigures[]
  notifications: {
    sent: number
    held: number
    failed: number
    waiting: number
    median_seconds_to_send: number | null
    p99_seconds_to_send: number | null
  }
  timestamp: string
}

export type RuleState = 'ok' | 'pending' | 'firing' | 'recovering' | 'closed' | 'unknown' | 'off' | 'not applicable'

export interface RuleInstance {
  site?: string
  labels: Labels
  where: string
  state: string
  since: string | null
  value: number | null
  limit: number | null
  unit: string
  reason: string | null
  alert: number | null
}

export interface AlertRule {
  name: string
  /** What people call the rule, without a figure. */
  rule_name?: Text
  title: Text
  kind: string
  words: string
  severity: Severity
  area: string
  for: number | string | null
  keep: number | string | null
  reason: Text
  runbook: string
  enabled: boolean
  source: string
  quorum: { least: number; share: number } | string | null
  inhibits: string[]
  tell: string[]
  state: RuleState
  instances: RuleInstance[]
  why: Text
}

export interface RulesAnswer {
  rules: AlertRule[]
  problems: (string | { text: string; rule?: string; line?: number })[]
  timestamp: string
}

export interface ChannelState {
  name: string
  kind: string
  state: 'ok' | 'failing' | 'disabled' | 'unused'
  /** Whom it does not reach; empty when it reaches nobody. */
  recipient?: string
  since: string | null
  problem: string
  sent: number
  last_sent: string | null
  waiting: number
  held: number
}

export interface RecipientState {
  name: string
  channel: string
  at_least: string
  areas: string[]
  rules: string[]
  step: number
  hours: string
  reports: string[]
  language: string
}

export interface ChannelsAnswer {
  channels: ChannelState[]
  recipients: RecipientState[]
  /** Other monitors that watch over Baken; `every` in seconds. */
  heartbeats: { host: string; every?: number; last_ok?: string | null; problem?: string }[]
  timestamp: string
}

export interface TestAnswer {
  /** `ok` is null when it does not apply or is not known yet. */
  hops: { hop: string; ok: boolean | null; ms: number | null; detail: string }[]
  status?: string
  message?: string
}
