/** The answers of the methods this page calls. Times are ISO 8601; null is "not measured". */

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
  sites: string[]
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

export interface SiteAlert {
  name: string
  alert_type: string
  severity: string
  message: string
  status: string
  timestamp: string | null
}

/** A plain list, or the list with the reason why it could not be read. */
export type AlertsAnswer = SiteAlert[] | { alerts: SiteAlert[]; absent?: string | null }

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

export interface MetricReading {
  metric: string
  domain: string
  unit: string
  help: string
  labels: Record<string, string>
  value: number | null
  at: string | null
  absent: string | null
}

export interface Series {
  labels: Record<string, string>
  at: number[]
  value: number[]
}
