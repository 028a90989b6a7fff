/** A part of the page with arguments: the newest question counts, and an outage is the whole page's matter. */
import { ApiError, read } from './api/client'
import { explain, usePart, type Part } from './part'

export interface Answer<T> extends Part<T> {
  /** Asks anew. Raises when the server is away, so that the refresh loop waits for it; other failures stay here. */
  load: (signal?: AbortSignal) => Promise<void>
  /** Forgets what was known: it was the answer to another question. */
  forget: () => void
}

export function useAnswer<T>(method: string, args: () => Record<string, string | number | undefined> = () => ({})): Answer<T> {
  const answer = usePart<T>(method) as Answer<T>
  let running: AbortController | null = null

  answer.load = async (signal) => {
    running?.abort()
    const mine = new AbortController()
    running = mine
    const stop = () => mine.abort()
    signal?.addEventListener('abort', stop)
    answer.busy = true
    try {
      const found = await read<T>(method, { args: args(), signal: mine.signal })
      if (running === mine) answer.take(found)
    } catch (error) {
      if (running !== mine || mine.signal.aborted) return
      if (error instanceof ApiError && error.away) throw error
      answer.error = explain(error)
    } finally {
      signal?.removeEventListener('abort', stop)
      if (running === mine) {
        running = null
        answer.busy = false
      }
    }
  }
  answer.retry = async () => {
    try {
      await answer.load()
    } catch (error) {
      answer.error = explain(error)
    }
  }
  answer.forget = () => {
    answer.data = null
    answer.error = null
  }
  return answer
}
