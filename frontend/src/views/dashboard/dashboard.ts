/** The dashboard's parts: those of the site's documented answer, and those of the overview; each is retried by itself. */
import { ref, type Ref } from 'vue'
import type { Alert } from '../../api/alerts'
import { ApiError, read, write } from '../../api/client'
import { loadSession, session } from '../../session'
import { forgetSeries } from '../../series'
import { explain, usePart, type Part } from '../../part'
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
import type { AttentionAnswer, CardsAnswer, HealthAnswer, OverviewAnswer } from './overview'

const PAGE = 'verenigingen.www.monitoring_dashboard'
const OVERVIEW = 'baken.get_overview'

export interface Dashboard {
  health: Part<HealthAnswer>
  attention: Part<AttentionAnswer>
  cards: Part<CardsAnswer>
  system: Part<SystemMetrics>
  errors: Part<RecentErrors>
  audit: Part<AuditSummary>
  alerts: Part<AlertsAnswer>
  performance: Part<PerformanceMetrics>
  monitor: Part<MonitorStatus>
  /** Whether a measurement that was asked for came in time; null when none was asked for. */
  measured: Ref<boolean | null>
  refresh: Refresh
  /** After something was done here: the sentence, the list and the alerts as they are now. */
  changed: () => Promise<void>
}

export function useDashboard(): Dashboard {
  const system = usePart<SystemMetrics>(`${PAGE}.get_system_metrics`)
  const errors = usePart<RecentErrors>(`${PAGE}.get_recent_errors`)
  const audit = usePart<AuditSummary>(`${PAGE}.get_audit_summary`)
  const alerts = usePart<AlertsAnswer>(`${PAGE}.get_active_alerts`)
  const performance = usePart<PerformanceMetrics>(`${PAGE}.get_performance_metrics`)
  const monitor = usePart<MonitorStatus>('baken.get_monitor_status')

  // One answer fills three parts: to try one of them again is to ask for it again.
  const health = usePart<HealthAnswer>(OVERVIEW)
  const attention = usePart<AttentionAnswer>(OVERVIEW)
  const cards = usePart<CardsAnswer>(OVERVIEW)
  const ofOverview = [health, attention, cards]

  /** Raises when the server is away: that is the whole page's matter. */
  async function look(signal?: AbortSignal): Promise<void> {
    try {
      const answer = await read<OverviewAnswer>(OVERVIEW, { signal })
      health.take(answer.health)
      attention.take(answer.attention)
      cards.take(answer.cards)
    } catch (error) {
      if (signal?.aborted || (error instanceof ApiError && error.away)) throw error
      for (const part of ofOverview) part.error = explain(error)
    }
  }

  async function again(): Promise<void> {
    for (const part of ofOverview) part.busy = true
    try {
      await look()
    } catch (error) {
      for (const part of ofOverview) part.error = explain(error)
    } finally {
      for (const part of ofOverview) part.busy = false
    }
  }
  for (const part of ofOverview) part.retry = again

  const measured = ref<boolean | null>(null)
  const refresh = useRefresh(
    async (force, signal) => {
      const method = `${PAGE}.refresh_dashboard_data`
      // What is measured anew has to be there before the overview is asked for.
      const early = force ? null : look(signal)
      early?.catch(() => undefined)
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
      await (early ?? look(signal))
      // The server was away when the page opened: who is signed in is asked again.
      if (!session.value) await loadSession()
    },
    ['figures', 'errors', 'alerts'],
  )

  async function changed(): Promise<void> {
    await Promise.all([again(), alerts.retry()])
  }
  return { health, attention, cards, system, errors, audit, alerts, performance, monitor, measured, refresh, changed }
}

export function alertsOf(answer: AlertsAnswer | null): Alert[] {
  if (!answer) return []
  return Array.isArray(answer) ? answer : answer.alerts
}
