/** Errors per hour, split over the most frequent patterns and the rest. */
import type { RecentErrors } from '../api/types'
import type { Stack } from './bars'

/** As many patterns as can be told apart by colour; what remains is one stack. */
export const NAMED = 5

export function stacksOf(errors: RecentErrors, restName: string, nameOf: (i: number) => string): Stack[] {
  const hours = errors.by_hour.length
  const named = errors.patterns.slice(0, NAMED).map((pattern, i) => ({
    name: nameOf(i),
    counts: Array.from({ length: hours }, (_, hour) => pattern.hours[hour] ?? 0),
  }))
  const rest = errors.by_hour.map((all, hour) => Math.max(0, all - named.reduce((sum, stack) => sum + (stack.counts[hour] ?? 0), 0)))
  return rest.some((count) => count > 0) ? [...named, { name: restName, counts: rest, tone: 'muted' }] : named
}
