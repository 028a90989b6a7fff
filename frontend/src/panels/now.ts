/** The last figures of metrics, and what they amount to for those label sets that somebody wants to see. */
import { formatFigure } from '../format'
import { t } from '../i18n'
import { valuesText } from '../labels'
import { isShown, type Shown } from './body'

export interface ValueNow {
  labels: Record<string, string>
  value: number | null
  at: string | null
  previous?: number | null
  previous_at?: string | null
}

/** An entry of baken.get_metrics. */
export interface MetricNow {
  metric: string
  domain: string
  unit: string
  title?: string
  help: string
  kind: 'gauge' | 'counter'
  good: 'up' | 'down' | null
  /** Seconds between two measurements. */
  every: number
  at: string | null
  absent: string | null
  values: ValueNow[]
}

/** Whose values tell different things about the same: one hour of the last day, one half of all requests. */
const OVERLAPPING = ['window', 'quantile']
const UNSUMMED = ['ratio', 'bool', 'seconds', 'days']

/** Whether the label sets of a metric make a whole when they are added up. */
export function addsUp(unit: string, labels: readonly Record<string, string>[]): boolean {
  if (UNSUMMED.includes(unit)) return false
  const names = new Set(labels.flatMap((one) => Object.keys(one)))
  if (OVERLAPPING.some((name) => names.has(name) && new Set(labels.map((one) => one[name])).size > 1)) return false
  // "total" among parts is their sum already.
  return !labels.some((one) => Object.values(one).includes('total')) || labels.length === 1
}

/** How much a counter grows: per second for bytes and seconds, else per hour. */
export const rateSpan = (unit: string): number => (unit === 'bytes' || unit === 'seconds' ? 1 : 3600)

/** A metric's value as it is told: a counter's by how fast it grows. Null when that is not known. */
export function valueOf(now: Pick<MetricNow, 'kind' | 'unit'>, one: ValueNow): number | null {
  if (now.kind !== 'counter') return one.value
  const [from, to] = [Date.parse(one.previous_at ?? ''), Date.parse(one.at ?? '')]
  if (one.value === null || one.previous === null || one.previous === undefined || !(to > from)) return null
  // A counter that began anew has no growth to tell.
  return one.value < one.previous ? null : ((one.value - one.previous) / ((to - from) / 1000)) * rateSpan(now.unit)
}

export function formatNow(now: Pick<MetricNow, 'kind' | 'unit'>, value: number): string {
  const text = formatFigure(value, now.unit)
  return now.kind === 'counter' ? t(rateSpan(now.unit) === 1 ? 'panel.perSecond' : 'panel.perHour', { value: text }) : text
}

export interface Amount {
  /** One value: the only one, or the sum of what makes a whole. Null when the values stand for themselves, or there are none. */
  value: number | null
  each: { labels: Record<string, string>; value: number; at: string | null }[]
  /** The oldest of the moments at which they were measured. */
  at: string | null
}

export function amountOf(now: MetricNow, one: Shown): Amount {
  const each = now.values
    .filter((value) => isShown(one, value.labels))
    .flatMap((value) => {
      const amount = valueOf(now, value)
      return amount === null ? [] : [{ labels: value.labels, value: amount, at: value.at }]
    })
  const whole = each.length === 1 || (each.length > 1 && addsUp(now.unit, each.map((value) => value.labels)))
  const moments = each.flatMap((value) => (value.at ? [value.at] : []))
  return { value: whole ? each.reduce((sum, value) => sum + value.value, 0) : null, each, at: moments.sort()[0] ?? now.at }
}

/** "Active" of {status: Active}; with several labels all their values. */
export function labelsText(labels: Record<string, string>): string {
  return valuesText(labels)
}

/** The values that each label of a metric has now, with the sum of the figures that have it where that tells something. */
export function labelChoices(now: MetricNow): { name: string; values: { value: string; figure: number | null }[] }[] {
  const names = [...new Set(now.values.flatMap((value) => Object.keys(value.labels)))]
  return names.map((name) => {
    const groups = new Map<string, ValueNow[]>()
    for (const value of now.values) {
      const key = value.labels[name]
      if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), value])
    }
    return {
      name,
      values: [...groups].map(([value, members]) => {
        const known = members.map((member) => valueOf(now, member)).filter((amount) => amount !== null)
        const whole = known.length === 1 || addsUp(now.unit, members.map((member) => member.labels))
        return { value, figure: known.length && whole ? known.reduce((sum, amount) => sum + amount, 0) : null }
      }),
    }
  })
}
