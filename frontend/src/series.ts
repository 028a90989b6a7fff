/** The course of metrics: fetched when first looked at, a few at a time. */
import { read } from './api/client'
import { ratesOf } from './charts/points'
import { parseTime } from './format'
import type { Series } from './api/types'

const KEEP_MS = 300_000
/** As many points as a course of this size can show. */
const POINTS = 96
/** More at once would keep the server from answering what somebody waits for. */
const AT_ONCE = 3
const kept = new Map<string, { at: number; series: Promise<Series[]> }>()
const waiting: (() => void)[] = []
let active = 0

/** Does the work when fewer than three others are under way; not at all when it was given up meanwhile. */
export async function inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (active >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else active += 1
  // Whoever is woken takes over the place of who woke it.
  try {
    signal?.throwIfAborted()
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else active -= 1
  }
}

interface RawSeries {
  labels?: Record<string, string>
  at?: (number | string)[]
  value?: (number | null)[]
  points?: [number | string, number | null][]
}

/**
 * Both shapes an answer may have: columns (`at`, `value`) or pairs (`points`). Unmeasured points are left out; a counter
 * is told by how fast it grows.
 */
export function toSeries(answer: { series?: RawSeries[]; kind?: string } | RawSeries[]): Series[] {
  const list = Array.isArray(answer) ? answer : (answer.series ?? [])
  return list.map((raw) => {
    const pairs = raw.points ?? (raw.at ?? []).map((at, i) => [at, raw.value?.[i] ?? null] as const)
    const known = pairs.flatMap(([at, value]): [number, number][] => {
      const ms = parseTime(at)
      return ms === null || value === null ? [] : [[ms, value]]
    })
    const counter = !Array.isArray(answer) && answer.kind === 'counter'
    const measured = counter ? ratesOf(known).filter((point): point is [number, number] => point[1] !== null) : known
    return { labels: raw.labels ?? {}, at: measured.map(([at]) => at), value: measured.map(([, value]) => value) }
  })
}

/** The last `hours` of a metric for a small course, kept for five minutes. */
export function fetchSeries(metric: string, labels: Record<string, string>, hours: number): Promise<Series[]> {
  const key = JSON.stringify([metric, labels, hours])
  const found = kept.get(key)
  if (found && Date.now() - found.at < KEEP_MS) return found.series
  const args = { metric, hours, step: Math.round((hours * 3600) / POINTS), labels: Object.keys(labels).length ? labels : undefined }
  const series = inTurn(() => read<{ series?: RawSeries[]; kind?: string }>('baken.get_series', { args })).then(toSeries)
  kept.set(key, { at: Date.now(), series })
  // A failed answer is not kept, so that the next look asks again.
  series.catch(() => kept.delete(key))
  return series
}

/** One course of several label sets: their sum at the moments at which each was measured. */
export function together(all: Series[]): Series | null {
  const [first, ...others] = all
  if (!first || !others.length) return first ?? null
  const sums = new Map<number, { count: number; sum: number }>()
  for (const series of all) {
    series.at.forEach((at, i) => {
      const known = sums.get(at) ?? { count: 0, sum: 0 }
      sums.set(at, { count: known.count + 1, sum: known.sum + (series.value[i] ?? 0) })
    })
  }
  const whole = [...sums].filter(([, { count }]) => count === all.length).sort(([a], [b]) => a - b)
  return { labels: {}, at: whole.map(([at]) => at), value: whole.map(([, { sum }]) => sum) }
}

export function forgetSeries(): void {
  kept.clear()
}
