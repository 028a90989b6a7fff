/** The answers of the methods behind the settings. Times are ISO 8601 or null. */
import type { Labels, Text } from '../../api/alerts'

export interface Problem {
  /** Of the form; empty for the whole. */
  field: string
  text: string
}

export interface Limit {
  how: 'above' | 'at_least' | 'below' | 'at_most'
  figure: number
  /** Null: as by day. */
  night: number | null
}

/** What of a rule can be set on the page. */
export interface RuleKeys {
  words: string
  severity: string
  for: string
  enabled: boolean
  tell: string[]
  limit: Limit | null
}

export interface RuleSetting extends RuleKeys {
  name: string
  title: Text
  kind: string
  unit: string
  metric: string | null
  match: Labels
  area: string
  keep: string
  reason: Text
  runbook: string
  source: string
  from: 'baken' | 'file' | 'page'
  scope: 'site' | 'installation'
  editable: string[]
  may_change: boolean
  why_not: string
  /** What the files say; null for a rule that was made on the page. */
  shipped: RuleKeys | null
  changed: { keys: string[]; at: string; by: string } | null
  /** Why what was set on the page cannot be used; empty when it can. */
  problem: string
  state: string
  why: Text
  texts: { title: Text; message: Text } | null
}

export interface RuleSettings {
  rules: RuleSetting[]
  recipients: { name: string; label: string }[]
  severities: string[]
  areas: string[]
  most: number
  problems: string[]
  timestamp: string
}

export interface Saved {
  saved: boolean
  problems: Problem[]
}

export interface RecipientSetting {
  name: string
  /** The name that rules and trails know. */
  tell: string
  from: 'file' | 'page'
  channel: string
  /** Masked. */
  to: string
  at_least: string
  areas: string[]
  rules: string[]
  step: number
  hours: string
  time_zone: string
  language: string
  reports: string[]
  changed: { at: string; by: string } | null
  problem: string
}

export interface ChannelChoice {
  name: string
  kind: string
  needs_to: boolean
  usable: boolean
  why_not: string
}

export interface RecipientSettings {
  recipients: RecipientSetting[]
  channels: ChannelChoice[]
  severities: string[]
  areas: string[]
  most: number
  timestamp: string
}

export type LimitName = 'raw_days' | 'hourly_days' | 'daily_days' | 'audit_days' | 'closed_days'
export type Days = Record<LimitName, number>

export interface RetentionLimit {
  limit: LimitName
  days: number
  /** As baken.toml has it. */
  filed: number
  /** Documented as the least; null where nothing is. */
  least: number | null
  rows: number
  bytes: number | null
  why: string | null
  oldest: string | null
}

export interface Retention {
  limits: RetentionLimit[]
  store: { kind: string; bytes: number; growth_per_day: number | null; why: string | null }
  changed: { at: string; by: string } | null
  may_change: boolean
  why_not: string
  timestamp: string
}

export interface RetentionSaved extends Saved {
  deletes: { limit: LimitName; rows: number; oldest: string }[]
  warnings: Problem[]
}

export interface WatchedSite {
  site: string
  bench: string | null
  database: string
  server: string
  url: string | null
  time_zone: string
  state: { ok: boolean; reason: string | null; at: string; seconds: number; query_seconds: number; queries: number } | null
  /** Seconds of query time a minute; null: not known yet. */
  cost_per_minute: number | null
  domains: { domain: string; total: number; measured: number; absent: { reason: string; metrics: string[] }[] }[]
  doctypes: { name: string; found: boolean | null; metrics: number }[]
  timestamp: string
}

export interface Profile {
  language?: string
  theme?: string
  start?: string
  range?: string
  refresh?: number
  zone?: string
}

export interface ProfileAnswer {
  profile: Profile
  saved_at: string | null
  /** The site's. */
  time_zone: string
  sessions: { id: string; created: string; seen: string; expires: string; current: boolean }[]
  keeps: { what: 'profile' | 'sessions' | 'audit' | 'dashboards' | 'push'; rows: number; days: number | null }[]
  timestamp: string
}
