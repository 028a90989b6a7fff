/** Asking for what charts show. */
import { read } from '../api/client'
import { inTurn } from '../series'
import { session } from '../session'
import type { MarksAnswer, SeriesAnswer } from './metric'

export type Span = { hours: number } | { start: string; end: string }

export const spanOf = (start: number, end: number): Span => ({ start: new Date(start).toISOString(), end: new Date(end).toISOString() })

export function fetchMetric(metric: string, span: Span, options: { labels?: Record<string, string>; usual?: boolean; step?: number; signal?: AbortSignal } = {}): Promise<SeriesAnswer> {
  const { labels, usual, step, signal } = options
  const args = { metric, ...span, step, labels: labels && Object.keys(labels).length ? labels : undefined, usual: usual || undefined }
  return inTurn(() => read<SeriesAnswer>('baken.get_series', { args, signal }), signal)
}

/** So long the charts of a page share one answer about what happened. */
const SHARED_MS = 4_000
let shared: { key: string; at: number; answer: Promise<MarksAnswer> } | null = null

/** What happened in a span; all charts that ask within a few seconds get one answer. */
export function fetchMarks(span: Span): Promise<MarksAnswer> {
  const key = JSON.stringify([span, session.value?.site])
  if (shared && shared.key === key && Date.now() - shared.at < SHARED_MS) return shared.answer
  const answer = inTurn(() => read<MarksAnswer>('baken.get_marks', { args: { ...span } }))
  const mine = { key, at: Date.now(), answer }
  shared = mine
  // A failed answer is not shared: the next chart asks again.
  answer.catch(() => {
    if (shared === mine) shared = null
  })
  return answer
}

export function forgetMarks(): void {
  shared = null
}
