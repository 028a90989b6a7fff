/** A part of a view: what is known, whether the last attempt failed, whether one is under way. */
import { shallowReactive } from 'vue'
import { ApiError, read } from './api/client'
import { t } from './i18n'
import { reason } from './reasons'
import type { PartError } from './api/types'

export interface Part<T> {
  data: T | null
  error: string | null
  busy: boolean
  /** Takes over one answer, good or bad; what was known before a bad one stays. */
  take: (answer: T | PartError | undefined) => void
  retry: () => Promise<void>
}

export function isPartError(answer: unknown): answer is PartError {
  return typeof answer === 'object' && answer !== null && typeof (answer as PartError).error === 'string'
}

/** What to tell the user about a failed call. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.kind === 'Offline') return t('offline.refused')
    if (error.status === 0) return t('fault.noConnection')
    if (error.status === 403) return t('fault.forbidden')
    if (error.status === 429) return t('fault.wait', { seconds: error.retryAfter ?? 60 })
    return reason(error.message)
  }
  return error instanceof Error ? error.message : String(error)
}

/** `method` answers for this part alone; it is what "try again" asks. */
export function usePart<T>(method: string): Part<T> {
  const part: Part<T> = shallowReactive({
    data: null as T | null,
    error: null as string | null,
    busy: false,
    take(answer: T | PartError | undefined) {
      if (answer === undefined) part.error = t('fault.missing')
      else if (isPartError(answer)) part.error = answer.error
      else {
        part.data = answer
        part.error = null
      }
    },
    async retry() {
      part.busy = true
      try {
        part.take(await read<T>(method))
      } catch (error) {
        part.error = explain(error)
      } finally {
        part.busy = false
      }
    },
  })
  return part
}
