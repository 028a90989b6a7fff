/** When a job is to report, in words: "every 10 minutes", "daily at 02:30", "Monday to Friday at 06:00". */
import { browserZone, formatSeconds } from '../../format'
import { locale, t, tn } from '../../i18n'
import { shownZone } from '../../preferences'
import type { Check } from './answers'

const UNITS = [
  ['days', 86_400],
  ['hours', 3_600],
  ['minutes', 60],
] as const
export type Unit = (typeof UNITS)[number][0]

/** A span as somebody would type it: the largest unit that it is a whole number of; seconds round up to minutes. */
export function asTyped(seconds: number): { count: number; unit: Unit } {
  const found = UNITS.find(([, size]) => seconds > 0 && seconds % size === 0)
  return found ? { count: seconds / found[1], unit: found[0] } : { count: Math.ceil(seconds / 60), unit: 'minutes' }
}

export function inSeconds(count: number, unit: Unit): number {
  return Math.round(count * (UNITS.find(([name]) => name === unit)?.[1] ?? 60))
}

/** "every hour", "every 10 minutes". */
export function periodText(seconds: number): string {
  const { count, unit } = asTyped(seconds)
  return seconds % 60 === 0 ? tn(`heartbeatEvery.${unit}`, count) : t('heartbeats.everySpan', { span: formatSeconds(seconds) })
}

const NUMBER = /^\d{1,2}$/
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

function numbers(field: string, most: number): number[] | null {
  const parts = field.split(',')
  if (parts.length > 3 || !parts.every((part) => NUMBER.test(part) && Number(part) <= most)) return null
  return parts.map(Number).sort((a, b) => a - b)
}

function step(field: string): number | null {
  const found = /^\*\/(\d{1,2})$/.exec(field)
  return found ? Number(found[1]) : null
}

function day(field: string): number | null {
  if (/^[0-7]$/.test(field)) return Number(field) % 7
  const place = DAYS.indexOf(field.toUpperCase())
  return place < 0 ? null : place
}

function dayName(number: number): string {
  // The fourth of January 2026 is a Sunday.
  return new Intl.DateTimeFormat(locale(), { weekday: 'long', timeZone: 'UTC' }).format(Date.UTC(2026, 0, 4 + number))
}

function listed(parts: string[]): string {
  return new Intl.ListFormat(locale(), { type: 'conjunction' }).format(parts)
}

/** "Monday to Friday", "Tuesday and Saturday"; null for what is too odd to be said. */
function daysText(field: string): string | null {
  const ends = field.split('-').map(day)
  if (ends.length === 2 && ends[0] !== null && ends[1] !== null) return t('heartbeats.dayToDay', { from: dayName(ends[0] ?? 0), to: dayName(ends[1] ?? 0) })
  const days = field.split(',').map(day)
  if (days.some((one) => one === null)) return null
  return listed(days.map((one) => dayName(one ?? 0)))
}

const two = (value: number) => String(value).padStart(2, '0')

/** A cron expression in words; null for one that people read more easily as it is. */
export function cronText(cron: string): string | null {
  const [minute = '', hour = '', date = '', month = '', weekday = ''] = cron.split(' ')
  if (month !== '*') return null
  const minutes = numbers(minute, 59)
  const everyDay = date === '*' && weekday === '*'
  if (everyDay && hour === '*') {
    const each = minute === '*' ? 1 : step(minute)
    if (each !== null) return 60 % each === 0 ? tn('heartbeatEvery.minutes', each) : null
    return minutes?.length === 1 ? tn('heartbeats.hourly', minutes[0] ?? 0) : null
  }
  const hourStep = step(hour)
  if (everyDay && minutes?.length === 1 && hourStep !== null && 24 % hourStep === 0) return minutes[0] === 0 ? tn('heartbeatEvery.hours', hourStep) : null
  const hours = numbers(hour, 23)
  if (!hours || minutes?.length !== 1) return null
  const at = listed(hours.map((one) => `${two(one)}:${two(minutes[0] ?? 0)}`))
  if (everyDay) return t('heartbeats.dailyAt', { at })
  if (date === '*') {
    const days = daysText(weekday)
    return days === null ? null : t('heartbeats.daysAt', { days, at })
  }
  const dates = weekday === '*' ? numbers(date, 31) : null
  return dates?.length === 1 ? t('heartbeats.monthlyAt', { date: dates[0] ?? 1, at }) : null
}

/** The schedule of a job; `zone` is the site's. The zone of its times is told where the page's are another's. */
export function scheduleText(check: Pick<Check, 'period' | 'cron' | 'time_zone'>, zone: string): string {
  if (check.period !== null) return periodText(check.period)
  const [text, own] = [cronText(check.cron) ?? check.cron, check.time_zone || zone]
  return own === (shownZone.value ?? browserZone()) ? text : `${text} (${own})`
}
