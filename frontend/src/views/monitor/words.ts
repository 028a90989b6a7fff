/** What the page says about Baken's state: what stands still or is slow, the worst first. */
import type { ChannelsAnswer } from '../../api/alerts'
import { formatAgo, formatFigure, parseTime } from '../../format'
import { t, tn } from '../../i18n'
import { reason } from '../../reasons'
import type { MonitorAnswer } from './answers'

export interface Verdict {
  state: 'ok' | 'attention' | 'critical' | 'unknown'
  sentence: string
  more: string[]
}

export function verdictOf(data: MonitorAnswer, channels: ChannelsAnswer | null, nowMs: number): Verdict {
  const grave: string[] = []
  const mild: string[] = []
  const seen = parseTime(data.collector.last_seen)
  if (!data.collector.running) {
    grave.push(seen === null ? t('monitorPage.notRunning') : t('monitorPage.stopped', { ago: formatAgo(seen, nowMs) }))
    if (data.collector.reason) grave.push(reason(data.collector.reason))
  }
  if (data.site.ok === false) grave.push(t('monitorPage.unreadable', { reason: reason(data.site.reason ?? '') }))
  for (const channel of channels?.channels ?? []) {
    if (channel.state === 'disabled') grave.push(t('monitorPage.channelStopped', { channel: channel.name }))
    else if (channel.state === 'failing') mild.push(t('monitorPage.channelFailing', { channel: channel.name }))
  }
  for (const each of data.exports) {
    if (each.failing_since) mild.push(t('monitorPage.exportFailing', { target: each.target }))
    else if (each.last_rejected) mild.push(t('monitorPage.exportRefuses', { target: each.target }))
  }
  if (data.outbox.failing) mild.push(tn('monitorPage.undelivered', data.outbox.failing))
  const { ms_per_minute: cost, budget_ms: budget } = data.cost
  if (cost !== null && cost > budget) mild.push(t('monitorPage.dear', { cost: formatFigure(cost / 1000, 'seconds'), budget: formatFigure(budget / 1000, 'seconds') }))
  if (data.runs.missed) mild.push(tn('monitorPage.missedRuns', data.runs.missed))
  const gone = data.absent.filter((one) => one.was).length
  if (gone && data.site.ok) mild.push(tn('monitorPage.gone', gone))
  const [first, ...rest] = [...grave, ...mild]
  if (first) return { state: grave.length ? 'critical' : 'attention', sentence: first, more: rest }
  if (data.site.ok === null) return { state: 'unknown', sentence: t('monitorPage.first'), more: [] }
  return { state: 'ok', sentence: seen === null ? t('monitorPage.well') : t('monitorPage.wellAt', { ago: formatAgo(seen, nowMs) }), more: [] }
}
