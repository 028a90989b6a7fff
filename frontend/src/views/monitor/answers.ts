/** What `baken.get_monitor` answers: how Baken itself is. Times are ISO 8601 or null. */
import type { TestAnswer } from '../../api/alerts'

export interface MonitorAnswer {
  collector: { running: boolean; last_seen: string | null; age_seconds: number | null; holder: string | null; reason: string | null }
  site: {
    name: string
    ok: boolean | null
    reason: string | null
    at: string | null
    seconds?: number
    query_seconds?: number
    queries?: number
    missed?: number
    failures?: number
  }
  store: { kind: string; bytes: number | null }
  lag_seconds: number | null
  memory_bytes: Record<string, number>
  cost: { ms_per_minute: number | null; budget_ms: number; since: string | null; queries: number | null }
  runs: { missed: number | null; failed: number | null }
  absent: {
    metric: string
    texts: Record<'en' | 'nl', { title: string; help: string }>
    domain: string
    reason: string
    since: string | null
    was: boolean
  }[]
  gaps: { start: string; end: string; reason: string; seconds: number }[]
  growth: { bytes: number | null; before: number | null; since: string | null; per_day: number | null }
  alerts: { lag_seconds: number | null; evaluated_at: string | null }
  outbox: { waiting: number; held: number; failing: number; oldest_due: string | null }
  exports: ExportState[]
  versions: Record<'baken' | 'python' | 'store', string>
  timestamp: string
}

/** How another monitoring system fares that gets figures or alerts from Baken. */
export interface ExportState {
  target: string
  last_ok: string | null
  failing_since: string | null
  sent: number
  rejected: number
  last_rejected: number
  waiting: number
  problem: string
}

export interface ChecksAnswer {
  status: 'success' | 'error'
  message: string
  evaluated: boolean
  checks: Record<string, { rule: string; state: string; severity: string; why: string | null }[]>
  alerts: unknown[]
}

export type { TestAnswer }
