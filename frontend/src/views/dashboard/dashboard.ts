/** The dashboard's parts, filled by one call and retried one by one. */
import { ref, type Ref } from 'vue'
import type { Alert } from '../../api/alerts'
import { read, write } from '../../api/client'
import { loadSession, session } from '../../session'
import { forgetSeries } from '../../series'
import { usePart, type Part } from '../../part'
import { useRefresh, type Refresh } from '../../refresh'
import type {
  AlertsAnswer,
  AuditSummary,
  DashboardAnswer,
  MonitorStatus,
  PerformanceMetrics,
  RecentErrors,
  SystemMetrics,
} from '../../api/types'

const PAGE = 'verenigingen.www.monitoring_dashboard'

export interface Dashboard {
  system: Part<SystemMetrics>
  errors: Part<RecentErrors>
  audit: Part<AuditSummary>
  alerts: Part<AlertsAnswer>
  performance: Part<PerformanceMetrics>
  monitor: Part<MonitorStatus>
  /** Whether a measurement that was asked for came in time; null when none was asked for. */
  measured: Ref<boolean | null>
  refresh: Refresh
}

export function useDashboard(): Dashboard {
  const system = usePart<SystemMetrics>(`${PAGE}.get_system_metrics`)
  const errors = usePart<RecentErrors>(`${PAGE}.get_recent_errors`)
  const audit = usePart<AuditSummary>(`${PAGE}.get_audit_summary`)
  const alerts = usePart<AlertsAnswer>(`${PAGE}.get_active_alerts`)
  const performance = usePart<PerformanceMetrics>(`${PAGE}.get_performance_metrics`)
  const monitor = usePart<MonitorStatus>('baken.get_monitor_status')

  const measured = ref<boolean | null>(null)
  const refresh = useRefresh(async (force, signal) => {
    const method = `${PAGE}.refresh_dashboard_data`
    // Asking the collector to measure now is a write, so it goes by POST with the CSRF token.
    const answer = force
      ? await write<DashboardAnswer>(method, { args: { force: 1 }, signal })
      : await read<DashboardAnswer>(method, { signal })
    if (force) forgetSeries()
    measured.value = answer.measured ?? null
    system.take(answer.system_metrics)
    errors.take(answer.recent_errors)
    audit.take(answer.audit_summary)
    alerts.take(answer.alerts)
    performance.take(answer.performance_metrics)
    monitor.take(answer.monitor)
    // The server was away when the page opened: who is signed in is asked again.
    if (!session.value) await loadSession()
  })
  return { system, errors, audit, alerts, performance, monitor, measured, refresh }
}

export function alertsOf(answer: AlertsAnswer | null): Alert[] {
  if (!answer) return []
  return Array.isArray(answer) ? answer : answer.alerts
}
