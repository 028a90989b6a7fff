/** The answer of baken.get_fleet. */
import type { Text } from '../../api/alerts'
import type { Severity } from '../../api/types'

export type HealthStatus = 'healthy' | 'warning' | 'critical' | 'unknown'

export interface OpenOf {
  alerts: { open: Record<Severity, number>; acknowledged: number; suppressed: number }
  worst: { number: number; severity: Severity; title: Text } | null
}

export interface FleetSite extends OpenOf {
  site: string
  /** What the sites are sorted by: the greater, the sooner somebody has to look. */
  need: number
  health: { status: HealthStatus; score: number | null; reasons: string[]; texts: Text[] }
  errors: { last_hour: number | null; last_24h: number | null }
  members: number | null
  failing_payments: number | null
  backup_age_seconds: number | null
  last_look: { at: string | null; ok: boolean | null; reason: string | null }
  absent: Record<string, string>
}

export interface Fleet {
  sites: FleetSite[]
  host: OpenOf
  timestamp: string
}
