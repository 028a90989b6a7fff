/** The performance part: which figures it shows, and how to find each in the answer. */
import type { Figure, FigureTree, PerformanceMetrics } from '../../api/types'
import type { MessageKey } from '../../i18n'

export type GroupName = 'host' | 'database' | 'application' | 'business'

export interface Wanted {
  metric: string
  labels?: Record<string, string>
  unit: string
  text: MessageKey
  /** Draw its last day beside it. */
  course?: boolean
}

export const GROUPS: Record<GroupName, readonly Wanted[]> = {
  host: [
    { metric: 'host_cpu_ratio', unit: 'ratio', text: 'perf.cpu', course: true },
    { metric: 'host_memory_used_ratio', unit: 'ratio', text: 'perf.memory', course: true },
    { metric: 'host_swap_used_ratio', unit: 'ratio', text: 'perf.swap' },
    { metric: 'host_load', labels: { window: '5m' }, unit: '', text: 'perf.load', course: true },
    { metric: 'host_uptime_seconds', unit: 'seconds', text: 'perf.uptime' },
  ],
  database: [
    { metric: 'database_response_seconds', unit: 'seconds', text: 'perf.dbResponse', course: true },
    { metric: 'database_connections_used_ratio', unit: 'ratio', text: 'perf.dbConnections', course: true },
    { metric: 'database_size_bytes', unit: 'bytes', text: 'perf.dbSize' },
    { metric: 'database_buffer_pool_hit_ratio', unit: 'ratio', text: 'perf.dbHit' },
    { metric: 'database_lock_waits', unit: '', text: 'perf.dbLocks' },
    { metric: 'database_longest_transaction_seconds', unit: 'seconds', text: 'perf.dbLongest' },
  ],
  application: [
    { metric: 'frappe_site_response_seconds', unit: 'seconds', text: 'perf.siteResponse', course: true },
    { metric: 'frappe_active_users', labels: { window: '1h' }, unit: '', text: 'perf.users', course: true },
    { metric: 'frappe_sessions', unit: '', text: 'perf.sessions' },
    { metric: 'frappe_queue_length', unit: '', text: 'perf.queue', course: true },
    { metric: 'frappe_jobs_failed', unit: '', text: 'perf.failedJobs' },
    { metric: 'frappe_scheduler_enabled', unit: 'bool', text: 'perf.scheduler' },
    { metric: 'frappe_scheduler_silence_seconds', unit: 'seconds', text: 'perf.schedulerSilence' },
    { metric: 'frappe_email_oldest_unsent_seconds', unit: 'seconds', text: 'perf.email' },
    { metric: 'frappe_backup_age_seconds', unit: 'seconds', text: 'perf.backup' },
  ],
  business: [
    { metric: 'erpnext_payment_success_ratio', unit: 'ratio', text: 'perf.paymentSuccess', course: true },
    { metric: 'erpnext_transactions_today', unit: '', text: 'perf.transactions' },
    { metric: 'erpnext_outstanding_amount', unit: 'EUR', text: 'perf.outstanding', course: true },
    { metric: 'erpnext_overdue_amount', unit: 'EUR', text: 'perf.overdue', course: true },
    { metric: 'association_members_net_growth', labels: { window: 'month' }, unit: '', text: 'perf.growth' },
    { metric: 'association_applications_stalled', unit: '', text: 'perf.stalled' },
    { metric: 'sepa_pending_amount', unit: 'EUR', text: 'perf.sepaPending' },
  ],
}

export interface Disk {
  mount: string
  ratio: number
  used: number | null
  total: number | null
}

const DOMAINS = /^(host|database|frappe|erpnext|association|sepa|monitor)_/

function isTree(figure: Figure | undefined): figure is FigureTree {
  return typeof figure === 'object' && figure !== null && !Array.isArray(figure)
}

function asNumber(figure: Figure | undefined): number | null {
  if (typeof figure === 'number') return figure
  if (typeof figure === 'boolean') return figure ? 1 : 0
  return null
}

/** The number a figure stands for: itself, its `value`, the label asked for, or the sum over its labels. */
function amount(figure: Figure | undefined, labels: Record<string, string> | undefined): number | null {
  const plain = asNumber(figure)
  if (plain !== null || !isTree(figure)) return plain
  if ('value' in figure) return asNumber(figure['value'])
  const label = Object.values(labels ?? {})[0]
  if (label !== undefined) return asNumber(figure[label])
  const parts = Object.values(figure).map(asNumber)
  return parts.length && parts.every((part) => part !== null) ? parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) : null
}

/** A figure of a group, under the metric's full name or without its domain. */
export function figureOf(group: FigureTree | undefined, wanted: Wanted): number | null {
  const short = wanted.metric.replace(DOMAINS, '')
  const found = group?.[wanted.metric] ?? group?.[short]
  return amount(found, wanted.labels)
}

export function reasonFor(absent: PerformanceMetrics['absent'], group: GroupName, wanted: Wanted): string | null {
  const short = wanted.metric.replace(DOMAINS, '')
  return absent[wanted.metric] ?? absent[`${group}.${wanted.metric}`] ?? absent[`${group}.${short}`] ?? absent[group] ?? null
}

/** The disks of the host group: a list of disks, or used ratio (and bytes) per mount. */
export function disksOf(host: FigureTree | undefined): Disk[] {
  const list = host?.['disks']
  if (Array.isArray(list)) {
    return list.filter(isTree).flatMap((disk) => {
      const ratio = asNumber(disk['used_ratio'])
      const mount = disk['mount']
      if (ratio === null || typeof mount !== 'string') return []
      return [{ mount, ratio, used: asNumber(disk['used']), total: asNumber(disk['total']) }]
    })
  }
  const ratios = host?.['host_disk_used_ratio'] ?? host?.['disk_used_ratio']
  if (!isTree(ratios)) return []
  const bytes = host?.['host_disk_bytes'] ?? host?.['disk_bytes']
  return Object.entries(ratios).flatMap(([mount, figure]) => {
    const ratio = asNumber(figure)
    const sizes = isTree(bytes) ? bytes[mount] : undefined
    if (ratio === null) return []
    return [
      {
        mount,
        ratio,
        used: isTree(sizes) ? asNumber(sizes['used']) : null,
        total: isTree(sizes) ? asNumber(sizes['total']) : null,
      },
    ]
  })
}
