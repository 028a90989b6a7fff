/** Alerts, their states and what holds them back, in the reader's words. */
import { shallowReactive } from 'vue'
import type { Alert, AlertsList, Feedback, Labels, Recurrence, Silence, Text } from '../../api/alerts'
import { formatDateTime, formatFigure, formatMoment, formatSeconds, parseTime } from '../../format'
import { language, locale, t, tn, word, type MessageKey } from '../../i18n'
import { labelName, labelValue, overWindow } from '../../labels'
import { reason } from '../../reasons'
import { session } from '../../session'
import { SEVERITIES } from './filters'

export { labelName } from '../../labels'

/** A text in the reader's language; in the other where there is none. */
export function said(text: Text | null | undefined): string {
  if (!text) return ''
  if (typeof text === 'string') return text
  return (language.value === 'nl' ? text.nl || text.en : text.en || text.nl) ?? ''
}

function coded(key: string, code: string): string {
  const text = t(key as MessageKey)
  return text === key ? word(code) : text
}

export const areaName = (code: string) => coded(`area.${code}`, code)
export const ruleStateName = (code: string) => coded(`ruleState.${code.replaceAll(' ', '_')}`, code)
export const eventName = (code: string) => coded(`event.${code}`, code)
export const channelStateName = (code: string) => coded(`channelState.${code}`, code)

/** A hop of the trial: a part of Baken, or "channel mail to beheer". */
export function hopName(name: string): string {
  const [, channel, recipient] = /^channel (.+) to (.+)$/.exec(name) ?? []
  if (channel && recipient) return t('hop.channel', { channel, recipient })
  const key = `hop.${name.replaceAll(' ', '_')}`
  const text = t(key as MessageKey)
  return text === key ? name : text
}

export const feedbackName = (code: Feedback) => (code ? t(`feedback.${code}`) : '')

export function messageOf(alert: Pick<Alert, 'message' | 'messages'>): string {
  return reasonWithin(said(alert.messages ?? alert.message))
}

/** A message may end in a reason that came from elsewhere, in English: "Het kanaal weigert: timed out". */
export function reasonWithin(text: string): string {
  if (language.value === 'en') return text
  for (let at = text.indexOf(': '); at >= 0; at = text.indexOf(': ', at + 2)) {
    const end = text.slice(at + 2)
    const bare = end.replace(/\.$/, '')
    const told = reason(bare)
    if (told !== bare) return `${text.slice(0, at + 2)}${told}${end.slice(bare.length)}`
  }
  return text
}

/** A runbook as a link; '' for a path in Baken's own documentation, which leads nowhere from here, and for what is none. */
export function linkOf(runbook: string | undefined): string {
  return runbook && /^https?:\/\//.test(runbook) ? runbook : ''
}

export function titleOf(alert: Pick<Alert, 'title' | 'rule'>): string {
  return said(alert.title) || word(alert.rule)
}

/** What people call a rule; without a name, what it says without the figures that it fills in: these come as dots. */
export function ruleTitle(rule: { rule_name?: Text; title: Text; name: string }): string {
  const called = said(rule.rule_name)
  if (called) return called
  const text = said(rule.title)
    .replace(/\s*\([^()]*…[^()]*\)/g, '')
    .replace(/[\s:,–-]*…\s*$/, '')
    .trim()
  // A figure that came first leaves its noun to begin.
  const bare = text.replace(/^…\s*/, '')
  return bare ? capital(bare) : word(rule.name)
}

const names = shallowReactive(new Map<string, Text>())

/** Answers tell what rules are called; kept for what names a rule by its code only: a silence, a filter, another rule. */
export function learnNames(told: { rule?: string; name?: string; rule_name?: Text }[]): void {
  for (const one of told) {
    const code = one.rule ?? one.name
    if (code && one.rule_name) names.set(code, one.rule_name)
  }
}

/** What people call the rule of a code; the code in words while nothing told. */
export const ruleName = (code: string) => said(names.get(code)) || word(code)

/** Who did it: the reader, somebody else, or Baken by itself. */
export function who(user: string | null | undefined): string {
  if (!user) return 'Baken'
  return user === session.value?.user ? t('alerts.you') : user
}

/** The site, or what stands above all sites. */
export function siteName(one: { site: string; area?: string; rule?: string }): string {
  if (one.site) return one.site
  return one.area === 'monitor' ? 'Baken' : t('alerts.host')
}

/** Labels that are keys to something else, of which the title says more. */
const KEYS = ['pattern', 'finding']

/** Where it is, beside the site: the labels in words, "queue long, over 1 h". */
export function whereOf(one: { labels: Labels }, all = false): string {
  return Object.entries(one.labels)
    .filter(([name, value]) => value && (all || !KEYS.includes(name)))
    // What is wrong comes before where.
    .sort(([name], [other]) => Number(other === 'problem') - Number(name === 'problem'))
    .map(([name, value]) => (name === 'window' ? overWindow(value) : `${labelName(name)} ${labelValue(name, value)}`))
    .join(', ')
}

/** The figure and its limit; null where there is none. */
export function figureText(value: number | null, unit: string): string | null {
  return value === null ? null : formatFigure(value, unit)
}

/** The figure of an alert; yes and no say less than its title does. */
export function figureOf(alert: { value: number | null; unit: string }): string | null {
  return alert.unit === 'bool' ? null : figureText(alert.value, alert.unit)
}

const SPAN_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** A length as rules write it, "1h30m", as the reader does; '' for none. */
export function spanText(span: number | string | null | undefined): string {
  if (!span) return ''
  if (typeof span === 'number') return formatSeconds(span)
  const seconds = [...span.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)].reduce((sum, [, n, unit]) => sum + Number(n) * (SPAN_SECONDS[unit ?? ''] ?? 0), 0)
  // Of a length that somebody chose, an hour is an hour and no sixty minutes.
  if (seconds === 3600) return `1 ${t('unit.hour')}`
  return seconds ? formatSeconds(seconds) : ''
}

/** "for 12 min", of what goes on. */
export function lasting(since: string | null, nowMs: number): string {
  const at = parseTime(since)
  return at === null ? '' : formatSeconds(Math.max(0, Math.round((nowMs - at) / 1000)))
}

/** "will fire in 3 min". */
export function fireText(at: string | null, nowMs: number): string {
  const ms = parseTime(at)
  if (ms === null) return t('pending.soon')
  return ms - nowMs < 1000 ? t('pending.now') : t('pending.in', { span: formatSeconds(Math.round((ms - nowMs) / 1000)) })
}

/** Why nobody is told of it. */
export function suppressedText(alert: Pick<Alert, 'suppressed'>): string {
  const held = alert.suppressed
  if (!held) return ''
  if (held.kind === 'inhibited') return held.id === null ? t('held.inhibited') : t('held.inhibitedBy', { number: held.id })
  return held.text ? t(`held.${held.kind}Because`, { text: held.text }) : t(`held.${held.kind}`)
}

function joined(parts: string[]): string {
  return new Intl.ListFormat(locale(), { type: 'conjunction' }).format(parts)
}

/** The whole in a sentence: how many are open, how bad, whether somebody looks at them. */
export function summary(answer: AlertsList): string {
  const { open, active, acknowledged, suppressed, resolved_24h: over } = answer.counts
  const total = active + acknowledged
  if (total === 0) {
    if (!answer.evaluated_at) return t('alerts.unjudged')
    return over ? `${t('alerts.sumNone')} ${tn('alerts.sumOver', over)}` : t('alerts.sumNone')
  }
  const bad = SEVERITIES.flatMap((one) => (open[one] ? [`${open[one]} ${word(one).toLowerCase()}`] : []))
  const taken = acknowledged === 0 ? tn('alerts.sumNobody', total) : active === 0 ? tn('alerts.sumAll', total) : tn('alerts.sumSome', active)
  const held = suppressed ? `, ${tn('alerts.sumHeld', suppressed)}` : ''
  return `${t('alerts.sumOpen', { what: joined(bad) })}; ${taken}${held}.`
}

export function dayName(day: string, width: 'short' | 'long' = 'short'): string {
  const at = DAYS_OF_WEEK.indexOf(day.slice(0, 3).toLowerCase() as (typeof DAYS_OF_WEEK)[number])
  // 5 January 1970 was a Monday.
  return at < 0 ? day : new Intl.DateTimeFormat(locale(), { weekday: width, timeZone: 'UTC' }).format(Date.UTC(1970, 0, 5 + at))
}
export const DAYS_OF_WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** "every Monday and Tuesday at 02:00, for 2 h". */
export function recurrenceText(given: Recurrence): string {
  const days = given.days.length >= 7 ? t('silence.everyDay') : t('silence.everyDays', { days: joined(given.days.map((day) => dayName(day, 'long'))) })
  return t('silence.recurs', { days, at: given.at, span: formatSeconds(given.minutes * 60) })
}

export interface Matched {
  label: string
  text: string
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

function valueText(label: string, value: string): string {
  if (label === 'severity') return word(value)
  if (label === 'area') return areaName(value)
  return label === 'rule' ? ruleName(value) : labelValue(label, value)
}

const LABELS: Record<string, MessageKey> = {
  rule: 'alerts.rule',
  severity: 'patterns.severity',
  area: 'errors.area',
  site: 'frame.site',
  window: 'patterns.range',
}

/** What a silence matches, label by label: "Rule: High error rate", "Queue: all but long". */
export function matchedBy(matchers: Labels): Matched[] {
  return Object.entries(matchers).map(([name, wanted]) => {
    const key = LABELS[name]
    const label = key ? t(key) : capital(labelName(name))
    const negated = wanted.startsWith('!')
    const text = negated ? wanted.slice(1) : wanted
    const shown = text.startsWith('~') ? t('silence.fits', { pattern: text.slice(1) }) : valueText(name, text)
    return { label, text: negated ? t('silence.allBut', { what: shown }) : shown }
  })
}

/** Until when, or since when no more. */
export function silenceWhen(silence: Silence, nowMs: number): string {
  const moment = (at: string | null) => (parseTime(at) === null ? '' : formatMoment(parseTime(at) ?? 0, nowMs))
  if (silence.state === 'ended') {
    const at = moment(silence.ended_at ?? silence.ends)
    return silence.ended_by ? t('silence.endedBy', { time: at, who: who(silence.ended_by) }) : t('silence.endedAt', { time: at })
  }
  const parts: string[] = []
  if (silence.recurrence) {
    if (silence.state === 'active' && silence.next) parts.push(t('silence.until', { time: moment(silence.next.ends) }))
    else if (silence.next) parts.push(t('silence.next', { time: moment(silence.next.starts) }))
    if (silence.ends) parts.push(t('silence.last', { time: moment(silence.ends) }))
  } else {
    if (silence.state === 'pending') parts.push(t('silence.from', { time: moment(silence.starts) }))
    parts.push(silence.ends ? t('silence.until', { time: moment(silence.ends) }) : t('silence.noEnd'))
  }
  return parts.join(', ')
}

export function exactTime(at: string | null): string {
  const ms = parseTime(at)
  return ms === null ? '' : formatDateTime(ms)
}
