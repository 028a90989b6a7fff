/** How a figure went: its course over the chosen span, and what it was a week or a span before. */
import { read } from '../api/client'
import { range, rangeArgs } from '../range'
import { together, toSeries } from '../series'
import type { Series } from '../api/types'
import { isShown, type Compare, type Shown } from './body'
import { rateSpan, type MetricNow } from './now'

const HOUR = 3_600_000
const WEEK = 7 * 24 * HOUR
/** As many points as a course of this size can show. */
const POINTS = 96

async function series(one: Shown, args: Record<string, string | number>, signal?: AbortSignal): Promise<Series[]> {
  const answer = await read<Parameters<typeof toSeries>[0]>('baken.get_series', { args: { metric: one.metric, ...args }, signal })
  return toSeries(answer).filter((each) => isShown(one, each.labels) && each.value.length > 0)
}

/** A counter's growth between its points; where it began anew there is none. */
export function growth(course: Series, unit: string): Series {
  const found: Series = { labels: course.labels, at: [], value: [] }
  for (let i = 1; i < course.at.length; i += 1) {
    const [from, to] = [course.at[i - 1] ?? 0, course.at[i] ?? 0]
    const [before, after] = [course.value[i - 1] ?? 0, course.value[i] ?? 0]
    if (after < before || to <= from) continue
    found.at.push(to)
    found.value.push(((after - before) / ((to - from) / 1000)) * rateSpan(unit))
  }
  return found
}

function told(now: MetricNow, all: Series[]): Series | null {
  return together(now.kind === 'counter' ? all.map((one) => growth(one, now.unit)) : all)
}

/** The course over the chosen span; null when nothing was measured in it. */
export async function courseOf(now: MetricNow, one: Shown, signal?: AbortSignal): Promise<Series | null> {
  const step = Math.max(Math.round((range.value.hours * 3600) / POINTS), Math.ceil(now.every))
  const course = told(now, await series(one, { ...rangeArgs(), step }, signal))
  return course && course.value.length > 1 ? course : null
}

/** The value a week or a span before `at` (milliseconds); null when nothing was measured then. */
export async function valueBefore(now: MetricNow, one: Shown, compare: Exclude<Compare, 'none'>, at: number, signal?: AbortSignal): Promise<number | null> {
  const then = at - (compare === 'week' ? WEEK : range.value.hours * HOUR)
  // Old figures are kept by the hour; slow ones are measured less often than that.
  const reach = Math.max(2 * HOUR, 2.5 * now.every * 1000)
  const args = { start: new Date(then - reach).toISOString(), end: new Date(then + reach / 4).toISOString() }
  const course = told(now, await series(one, args, signal))
  return course?.value.at(-1) ?? null
}
