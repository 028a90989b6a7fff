/** The answers of the methods this page calls. Times are ISO 8601; null is "not measured". */
import type { Alert } from './alerts'

export interface SignInOptions {
  sites: string[]
  demo?: boolean
  demo_users?: (string | { user?: string; name?: string; password?: string; role?: string; label?: string })[]
  demo_password?: string
  version?: string
}

export interface Session {
  user: string
  full_name: string
  roles: string[]
  site: string
  /** Every site that this person may switch to without signing in again. */
  sites: string[]
  operator?: boolean
  /** Others are watched here, to which one has to sign in. */
  more_sites?: boolean
  /** The site that knows this person: another than `site` for an operator who looks around. */
  home_site?: string
  /** Which host answers; absent: Baken's own server. */
  host?: 'server' | 'frappe'
  /** Whether this host tells changes by itself (baken.get_changes). */
  live?: boolean
  csrf_token: string
  language?: string | null
  version?: string
  demo?: boolean
}

export interface SignedIn {
  message?: string
  full_name: string
  csrf_token: string
  site: string
}

export type Count = number | null
export type Reasons = Record<string, string>
export type Moments = Record<string, string | null>

export interface SystemMetrics {
  members: { active: Count; pending: Count; terminated: Count; total: Count }
  volunteers: { active: Count; total: Count }
  sepa: { active_mandates: Count; recent_batches: Count; batches: Count | Record<string, number>; pending_payments: Count }
  errors: { last_hour: Count; last_24h: Count; last_week: Count }
  invoices: { draft: Count; submitted: Count; paid: Count }
  measured_at: Moments
  absent: Reasons
  site: string
  time_zone?: string | null
  timestamp: string
}

export interface ErrorPattern {
  pattern: string
  exception: string | null
  template: string
  error_summary?: string
  area: string | null
  category?: string | null
  severity?: string | null
  count: number
  share: number
  first_occurrence?: string | null
  latest: string | null
  first_seen: string | null
  new: boolean
  hours: number[]
}

export interface RecentErrors {
  total: number | null
  since: string
  patterns: ErrorPattern[]
  patterns_total?: number
  hours: string[]
  by_hour: number[]
  measured_at: string | null | Moments
  absent?: Reasons | string | null
}

export interface AuditRow {
  process_type: string
  action: string
  compliance_status: string
  count: number
  latest: string | null
}

export interface AuditSummary {
  rows: AuditRow[]
  totals: Record<string, number>
  compliance_status?: Record<string, Record<string, number>>
  since: string | null
  measured_at: string | null | Moments
  absent?: Reasons | string | null
}

/** A plain list, or the list with the reason why it could not be read. */
export type AlertsAnswer = Alert[] | { alerts: Alert[]; absent?: string | null }

export type Figure = number | string | boolean | null | FigureTree | Figure[]
export interface FigureTree {
  [name: string]: Figure
}

export interface PerformanceMetrics {
  host: FigureTree
  database: FigureTree
  application: FigureTree
  business: FigureTree
  measured_at: Moments
  absent: Reasons
}

export interface MonitorStatus {
  [name: string]: unknown
}

export interface PartError {
  error: string
}

export interface DashboardAnswer {
  system_metrics: SystemMetrics | PartError
  recent_errors: RecentErrors | PartError
  audit_summary: AuditSummary | PartError
  alerts: AlertsAnswer | PartError
  performance_metrics: PerformanceMetrics | PartError
  monitor: MonitorStatus | PartError
  measured?: boolean | null
  timestamp: string
}

export interface Series {
  labels: Record<string, string>
  at: number[]
  value: number[]
}

export type Severity = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'
export type PatternStatus = 'new' | 'recurring' | 'regressed' | 'quiet' | 'rare'
export type PatternState = 'open' | 'known' | 'muted' | 'resolved' | 'regressed'

export interface Trend {
  direction: 'up' | 'down' | 'flat' | 'unknown'
  /** Probability of so clear a trend by chance. */
  p: number | null
  /** Errors a day that come in addition each day. */
  per_day: number | null
  growth: number | null
  reason: string | null
}

/** What goes wrong, however often: errors that have the same cause as far as their text tells. */
export interface Pattern {
  pattern: string
  exception: string | null
  template: string
  error_summary?: string
  category: string | null
  severity: string | null
  area: string | null
  place: { app?: string | null; module?: string | null; doctype?: string | null; method?: string | null } | null
  component: string | null
  components: Record<string, number> | null
  first_seen: string | null
  last_seen: string | null
  first_occurrence?: string | null
  latest: string | null
  count: number
  previous: number | null
  share: number
  per_hour?: number | null
  users: number | null
  groups: Record<string, number> | null
  hours: (number | null)[]
  step_hours?: number
  status: string
  state: string
  note: string | null
  state_by: string | null
  state_at: string | null
  muted_until: string | null
  muted_above: number | null
  escalated: boolean
  new_since_release: boolean
  trend: Trend | null
  merged: string[]
  split_by: string | null
  split_of: string | null
  version: string
  bytes: number | null
  cost_mb: number | null
}

export interface ErrorSource {
  source: string
  state: string
  read_at: string | null
  detail: string | null
}

export interface Release {
  at: string
  app: string
  version: string
}

export type Facets = Partial<Record<'category' | 'severity' | 'component' | 'area' | 'state' | 'status', Record<string, number>>>

export interface PatternsAnswer {
  total: number | null
  patterns: Pattern[]
  patterns_total: number
  /** Patterns that fit the filters; `patterns` is one page of them. */
  matching: number
  hours: string[]
  by_hour: (number | null)[]
  step_hours?: number
  facets: Facets
  since: string
  measured_at: string | null
  absent: Reasons | string | null
  sources?: ErrorSource[]
  releases?: Release[]
  /** Of all patterns of the window, and the last release, however long ago it was. */
  news: { new: number; regressed: number; new_since_release: number; release: Release[] }
  time_zone?: string | null
}

export type HeatGrid = (number | null)[][]

export interface PatternDetail extends Pattern {
  example: string | null
  why: string | string[] | null
  frames: string[] | null
  title: string | null
  heatmap: HeatGrid | null
  days: { day: string; count: number | null }[]
  users_top: { user: string; group: string; errors: number }[]
  history: { at: string; user: string; action: string; detail: unknown }[]
  members: { pattern: string; template: string; count: number }[]
  releases: Release[]
  leaks: { kind: string; label?: string | null; count?: number | null; advice?: string | null }[]
  time_zone?: string | null
}

export interface HeatmapAnswer {
  heatmap: HeatGrid | null
  weeks: number | null
  maximum: number | null
  time_zone: string | null
  since: string | null
  measured_at: string | null
  absent: Reasons | string | null
}

export interface AreaSpot {
  area: string
  app: string | null
  module: string | null
  errors: number
  share: number
  patterns: number | string[]
  severity_score: number | null
  worst: string | null
  critical: boolean
  change: number | null
}

export interface GroupSpot {
  group: string
  users: number | null
  errors: number
  share: number
  severity_score: number | null
  critical: boolean
}

export interface TimeSpot {
  weekday: number
  hour: number
  errors: number
  expected: number | null
  times: number | null
  p: number | null
  critical: boolean
}

export interface ComponentSpot {
  component: string
  errors: number
  share: number
  severity_score?: number | null
  critical?: boolean
}

export interface TreeBranch {
  name: string
  children: { name: string; value: number; severity: string | null; patterns: string[] }[]
}

export interface Hotspots {
  analysis_period: string
  total_errors: number | null
  functional_areas: AreaSpot[]
  user_groups: GroupSpot[]
  time_periods: TimeSpot[]
  components: ComponentSpot[]
  critical_hotspots: unknown[]
  treemap: TreeBranch[]
  time_zone: string | null
  measured_at: string | null
  absent: Reasons | string | null
}

export interface Leak {
  kind: string
  label: string | null
  pattern: string | null
  template: string | null
  count: number
  first_seen: string | null
  last_seen: string | null
  advice: string | null
}

export interface LostErrors {
  label?: string | null
  count?: number | null
  first_seen?: string | null
  last_seen?: string | null
  advice?: string | null
  pattern?: string | null
  template?: string | null
}

export interface Findings {
  leaks: Leak[]
  lost: LostErrors[]
  sources: ErrorSource[]
}

export interface PatternsChanged {
  changed: string[]
  patterns: Pattern[]
}

/** A sentence that rests on figures, with the name of its kind and the figures themselves. */
export interface Said {
  text: string
  key?: string
  values?: Record<string, unknown>
  pattern?: string | null
}

export interface ErrorAnalysis {
  total_errors: number | null
  analysis_period: string
  patterns: {
    daily_trends: Record<string, number>
    error_types: Record<string, number>
    categories: Record<string, number>
    severity: Record<string, number>
    growth: Trend | null
  }
  insights: Said[]
  recommendations: (Said & { priority: string })[]
  measured_at: string | null
  since: string | null
  absent: Reasons | string | null
}
