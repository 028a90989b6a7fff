/** The answers of the methods about jobs that report. Times are ISO 8601 or null. */

export type CheckState = 'missing' | 'failed' | 'too_long' | 'late' | 'running' | 'up' | 'new' | 'paused'
export type PingKind = 'start' | 'success' | 'fail' | 'log'

export interface Ping {
  at: string
  kind: PingKind
  exit_code: number | null
  seconds: number | null
}

export interface Check {
  check: string
  name: string
  state: CheckState
  /** The secret in its address. */
  key: string
  /** Seconds; null where there is a cron expression. */
  period: number | null
  cron: string
  /** Of the cron expression; empty: the site's. */
  time_zone: string
  grace: number
  expected: string | null
  missing_at: string | null
  too_long_at: string | null
  started: string | null
  last_ok: string | null
  failed_since: string | null
  exit_code: number | null
  last_ping: string | null
  last_kind: PingKind | ''
  seconds: number | null
  pings: number
  paused_at: string | null
  created: string
  created_by: string
  recent: Ping[]
}

/** A monitor that Baken itself reports to. */
export interface Beat {
  host: string
  every: number
  fail: boolean
  said: '' | 'ok' | 'fail' | 'silent'
  at: string | null
  last_ok: string | null
  problem: string
}

export interface ChecksAnswer {
  checks: Check[]
  most: number
  time_zone: string
  heartbeats: Beat[] | null
  timestamp: string
}

export interface Preview {
  times: string[]
  time_zone: string
  problems: { field: string; text: string }[]
}
