/** What happened to an alert and who was told of it, in one row of moments, the newest first. */
import type { AlertDetail, Notification, TrailEntry } from '../../api/alerts'
import { formatFigure, formatMoment, parseTime } from '../../format'
import { t } from '../../i18n'
import { reason } from '../../reasons'
import { eventName, feedbackName, who } from '../alerts/words'

export type Tone = 'critical' | 'ok' | 'attention' | 'plain'

export interface Entry {
  at: string
  kind: string
  title: string
  /** Empty where Baken did it by itself. */
  user: string
  note: string
  detail: string
  /** Who was to be told; empty for everything else. */
  whom: string
  tone: Tone
  /** The same again and again is told once. */
  times: number
  waits: boolean
}

const TONES: Record<string, Tone> = {
  fired: 'critical',
  reopened: 'critical',
  escalated: 'critical',
  notification_failed: 'attention',
  flapping: 'attention',
  resolved: 'ok',
  acknowledged: 'ok',
}

const TELLING = ['notified', 'notification_failed', 'reminder']

function text(detail: Record<string, unknown>, name: string): string {
  const value = detail[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function whom(detail: Record<string, unknown>): string {
  const recipient = text(detail, 'recipient')
  const channel = text(detail, 'channel')
  return recipient && channel ? t('timeline.over', { recipient, channel }) : recipient || channel
}

function heldBy(by: string): string {
  const [kind, id] = by.split(':')
  if (kind === 'inhibited') return t('held.inhibitedBy', { number: id ?? '' })
  return kind === 'silence' || kind === 'maintenance' ? t(`held.${kind}`) : by
}

function detailOf(entry: TrailEntry): string {
  const { kind, detail } = entry
  if (kind === 'fired' || kind === 'reopened') {
    const { value, limit, unit } = detail
    if (typeof value !== 'number') return ''
    const name = typeof unit === 'string' ? unit : ''
    const figure = formatFigure(value, name)
    return typeof limit === 'number' ? `${figure} (${t('alerts.limit', { limit: formatFigure(limit, name) })})` : figure
  }
  if (kind === 'suppressed' || kind === 'unsuppressed') return heldBy(text(detail, 'by'))
  if (kind === 'escalated' || kind === 'reminder') return text(detail, 'step') ? t('timeline.step', { step: text(detail, 'step') }) : ''
  if (kind === 'assigned') return text(detail, 'to') ? t('timeline.to', { who: who(text(detail, 'to')) }) : t('timeline.nobody')
  if (kind === 'feedback') {
    const given = text(detail, 'feedback')
    return given === 'useful' || given === 'false_alarm' ? feedbackName(given) : t('feedback.withdrawn')
  }
  if (kind === 'notified') return [whom(detail), detail['digest'] ? t('timeline.digest') : ''].filter(Boolean).join(', ')
  if (kind === 'notification_failed') {
    const again = parseTime(text(detail, 'again'))
    return [whom(detail), again === null ? '' : t('timeline.again', { time: formatMoment(again, Date.now()) })].filter(Boolean).join('; ')
  }
  return ''
}

function fromTrail(entry: TrailEntry): Entry {
  // What a channel answers is for those who look for a fault; a note by a person is for everybody.
  const quoted = entry.kind !== 'notified'
  return {
    at: entry.at,
    kind: entry.kind,
    title: eventName(entry.kind),
    user: entry.user,
    note: !quoted ? '' : entry.user ? entry.text : reason(entry.text),
    detail: detailOf(entry),
    whom: whom(entry.detail),
    tone: TONES[entry.kind] ?? 'plain',
    times: 1,
    waits: false,
  }
}

function fromNotification(one: Notification): Entry {
  const waits = one.state === 'waiting'
  const due = parseTime(one.due)
  const held = one.held ? t(one.held === 'hours' ? 'timeline.heldHours' : 'timeline.heldCap') : ''
  const parts = [one.event ? eventName(one.event) : '', whom({ ...one }), held, waits && due !== null ? t('timeline.due', { time: formatMoment(due, Date.now()) }) : '']
  return {
    at: one.at,
    kind: waits ? 'waiting' : one.state === 'sent' ? 'notified' : 'notification_failed',
    title: t(waits ? 'timeline.waiting' : one.state === 'sent' ? 'event.notified' : 'timeline.dropped'),
    user: '',
    note: one.state === 'sent' ? '' : reason(one.problem),
    detail: parts.filter(Boolean).join(', '),
    whom: whom({ ...one }),
    tone: waits || one.state === 'sent' ? 'plain' : 'attention',
    times: 1,
    waits,
  }
}

/** Failures of one channel with the same words are one entry, of the last moment, as long as nothing but telling went on between. */
function together(entries: Entry[]): Entry[] {
  const found: Entry[] = []
  for (const entry of entries) {
    const told = found.findLastIndex((one) => !TELLING.includes(one.kind))
    const same = found.findIndex((one, i) => i > told && entry.kind === 'notification_failed' && one.kind === entry.kind && one.note === entry.note && one.whom === entry.whom)
    const times = same < 0 ? 1 : (found[same]?.times ?? 0) + 1
    if (same >= 0) found.splice(same, 1)
    found.push({ ...entry, times })
  }
  return found
}

export function timelineOf(detail: Pick<AlertDetail, 'trail' | 'notifications'>): Entry[] {
  const told = new Set(detail.trail.filter((one) => one.kind === 'notified').map((one) => whom(one.detail)))
  // What was sent stands in the trail already, unless it was sent before the trail told of it.
  const rest = detail.notifications.filter((one) => one.state !== 'sent' || !told.has(whom({ ...one })))
  const past = [...together(detail.trail.map(fromTrail)), ...rest.filter((one) => one.state !== 'waiting').map(fromNotification)]
  const order = past.map((entry, i) => ({ entry, i })).sort((a, b) => (parseTime(b.entry.at) ?? 0) - (parseTime(a.entry.at) ?? 0) || b.i - a.i)
  return [...rest.filter((one) => one.state === 'waiting').map(fromNotification), ...order.map(({ entry }) => entry)]
}
