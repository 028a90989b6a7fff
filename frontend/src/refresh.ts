/** One refresh loop per view: on a timer, at changes, now, paused while hidden, patient while the server is away. */
import { computed, onBeforeUnmount, onMounted, ref, watch, type ComputedRef, type Ref } from 'vue'
import { ApiError } from './api/client'
import { now } from './clock'
import { onChange, type Topic } from './live'
import { keptSince } from './offline'
import { refreshSeconds } from './preferences'

export const FIRST_RETRY_MS = 2_000
export const LAST_RETRY_MS = 60_000
/** Changes that the server tells reload a view so often at most. */
export const CHANGE_MS = 2_000
/** At most so much later, by chance: many pages hear of a change at the same moment. */
export const JITTER_MS = 400

export interface Refresh {
  loading: Ref<boolean>
  /** When the last answer came; null before the first. */
  lastAt: Ref<number | null>
  /** Since when the server gives no answer; null while it does. */
  awaySince: Ref<number | null>
  /** A refusal that is no outage (for example a lost role), as text. */
  failure: Ref<string | null>
  /** Milliseconds until the next attempt; null when none is planned. */
  remaining: ComputedRef<number | null>
  refreshNow: () => Promise<void>
}

/** The wait before attempt `n` (from 1) after an outage: doubling, with a ceiling. */
export function retryDelay(attempt: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempt - 1))
}

/**
 * Loads at once, in the chosen interval, and when the server tells that it has something newer of `topics`.
 * "Never" as interval means it: changes do not reload then either.
 */
export function useRefresh(
  load: (force: boolean, signal: AbortSignal) => Promise<void>,
  topics: readonly Topic[] = [],
): Refresh {
  const loading = ref(false)
  const lastAt = ref<number | null>(null)
  const awaySince = ref<number | null>(null)
  const failure = ref<string | null>(null)
  const nextAt = ref<number | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | null = null
  let attempts = 0
  let triedAt = 0
  let mounted = false
  let soon: ReturnType<typeof setTimeout> | undefined
  let changed = false

  /** The server has something newer. A load that runs is let finish: cut short each time, none ever would. */
  function whenChanged(): void {
    if (!mounted || refreshSeconds.value <= 0 || document.hidden) return
    changed = true
    if (running || soon !== undefined) return
    const wait = Math.max(0, triedAt + CHANGE_MS - Date.now()) + Math.random() * JITTER_MS
    soon = setTimeout(() => {
      soon = undefined
      if (changed && !running && !document.hidden && refreshSeconds.value > 0) void run(false)
    }, wait)
  }

  function plan(): void {
    clearTimeout(timer)
    nextAt.value = null
    if (!mounted || document.hidden) return
    let wait: number
    if (attempts > 0) wait = retryDelay(attempts)
    else if (refreshSeconds.value > 0) {
      wait = Math.max(0, triedAt + refreshSeconds.value * 1000 - Date.now())
    } else return
    nextAt.value = Date.now() + wait
    timer = setTimeout(() => void run(false), wait)
  }

  async function run(force: boolean): Promise<void> {
    clearTimeout(timer)
    nextAt.value = null
    running?.abort()
    const mine = new AbortController()
    running = mine
    triedAt = Date.now()
    changed = false
    loading.value = true
    try {
      await load(force, mine.signal)
      if (running !== mine) return
      failure.value = null
      if (keptSince.value === null) {
        lastAt.value = Date.now()
        awaySince.value = null
        attempts = 0
      } else {
        // What shows is what this browser has kept: the server is away all the same.
        lastAt.value ??= keptSince.value
        awaySince.value ??= Date.now()
        attempts += 1
      }
    } catch (error) {
      if (running !== mine) return // A newer refresh took over; its answer counts.
      if (error instanceof ApiError && error.away) {
        awaySince.value ??= Date.now()
        attempts += 1
      } else {
        failure.value = error instanceof Error ? error.message : String(error)
        awaySince.value = null
        attempts = 0
      }
    } finally {
      if (running === mine) {
        running = null
        loading.value = false
        plan()
        if (changed) whenChanged()
      }
    }
  }

  function whenVisible(): void {
    if (document.hidden) {
      clearTimeout(timer)
      nextAt.value = null
    } else if (!running) plan()
  }

  function whenOnline(): void {
    if (attempts > 0) void run(false)
  }

  let deaf = () => {}
  onMounted(() => {
    mounted = true
    if (topics.length) deaf = onChange(topics, whenChanged)
    document.addEventListener('visibilitychange', whenVisible)
    window.addEventListener('online', whenOnline)
    void run(false)
  })
  onBeforeUnmount(() => {
    mounted = false
    deaf()
    clearTimeout(timer)
    clearTimeout(soon)
    running?.abort()
    running = null
    document.removeEventListener('visibilitychange', whenVisible)
    window.removeEventListener('online', whenOnline)
  })
  watch(refreshSeconds, () => {
    if (!running) plan()
  })

  const remaining = computed(() => (nextAt.value === null ? null : Math.max(0, nextAt.value - now.value)))
  return { loading, lastAt, awaySince, failure, remaining, refreshNow: () => run(true) }
}
