/**
 * Changes that the server tells by itself (server-sent events). Where it cannot, nothing is lost: views ask in intervals.
 * One stream for the whole page, for the chosen site, while somebody listens and the tab shows.
 */
import { ref, watch } from 'vue'
import { session } from './session'

export type Topic = 'figures' | 'errors' | 'alerts'
export const TOPICS: readonly Topic[] = ['figures', 'errors', 'alerts']

/** live: changes come by themselves. away: they did, and are sought again. polling: they do not. */
export type LiveState = 'live' | 'polling' | 'away'
export const liveState = ref<LiveState>('polling')

export const FIRST_TRY_MS = 2_000
export const LAST_TRY_MS = 300_000
/** A stream that greets nobody for so long is none. */
export const GREETING_MS = 20_000
/** A stream that lived for so long was a good one: the waits begin anew. */
export const GOOD_MS = 60_000

type Changed = (topics: readonly Topic[]) => void
interface Listener {
  topics: readonly Topic[]
  changed: Changed
}

const listeners = new Set<Listener>()
let source: EventSource | null = null
let sourceSite = ''
let timer: ReturnType<typeof setTimeout> | undefined
let openedAt = 0
let attempts = 0
/** The site that was listened to last: greeted again, something may have been missed. */
let heardSite = ''
/** Another page of this person took the place; it is not taken back while this one just lies open. */
let gaveWay = false

/** The wait before try `n` (from 1), without the jitter: doubling, with a ceiling. */
export function tryDelay(attempt: number): number {
  return Math.min(LAST_TRY_MS, FIRST_TRY_MS * 2 ** (attempt - 1))
}

/** Calls `changed` when the server has something newer of one of `topics`. Returns what ends that. */
export function onChange(topics: readonly Topic[], changed: Changed): () => void {
  const listener = { topics, changed }
  listeners.add(listener)
  follow()
  return () => {
    listeners.delete(listener)
    follow()
  }
}

/** The site to listen to now; empty: none. */
function wantedSite(): string {
  const found = session.value
  if (!found?.live || !listeners.size || document.hidden || gaveWay || typeof EventSource === 'undefined') return ''
  return found.site
}

/** Opens, changes or closes the stream as things stand. */
function follow(): void {
  const site = wantedSite()
  if (site === sourceSite) return
  close()
  sourceSite = site
  attempts = 0
  if (site) open()
  else liveState.value = 'polling'
}

function close(): void {
  clearTimeout(timer)
  source?.close()
  source = null
}

function open(): void {
  const mine = new EventSource(`/api/method/baken.get_changes?site=${encodeURIComponent(sourceSite)}`)
  source = mine
  openedAt = Date.now()
  timer = setTimeout(() => lost(), GREETING_MS)
  mine.addEventListener('hello', () => {
    if (source !== mine) return
    clearTimeout(timer)
    liveState.value = 'live'
    const missed = heardSite === sourceSite
    heardSite = sourceSite
    if (missed) tell(TOPICS)
  })
  mine.addEventListener('changed', (event) => {
    if (source === mine) tell(topicsOf((event as MessageEvent<string>).data))
  })
  mine.addEventListener('end', (event) => {
    if (source !== mine) return
    gaveWay = reasonOf((event as MessageEvent<string>).data) === 'replaced'
    if (gaveWay) follow()
    else lost()
  })
  // A browser comes back by itself after some failures and gives up after others; here all are alike.
  mine.addEventListener('error', () => {
    if (source === mine) lost()
  })
}

/** The stream is gone, or never came: tried again later, and later each time. */
function lost(): void {
  const good = liveState.value === 'live' && Date.now() - openedAt >= GOOD_MS
  const had = liveState.value !== 'polling'
  close()
  attempts = good ? 1 : attempts + 1
  // After a few tries it is not away any more, it is just not there.
  liveState.value = had && attempts <= 3 ? 'away' : 'polling'
  timer = setTimeout(open, tryDelay(attempts) * (0.75 + Math.random() / 2))
}

function tell(topics: readonly Topic[]): void {
  for (const listener of [...listeners]) {
    const met = listener.topics.filter((topic) => topics.includes(topic))
    if (met.length) listener.changed(met)
  }
}

function dataOf(text: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {}
  } catch {
    return {} // Another server's idea of an event; nothing to act on.
  }
}

function topicsOf(text: string): Topic[] {
  const told = dataOf(text)['topics']
  return Array.isArray(told) ? TOPICS.filter((topic) => told.includes(topic)) : []
}

function reasonOf(text: string): string {
  const reason = dataOf(text)['reason']
  return typeof reason === 'string' ? reason : ''
}

watch(
  [() => session.value?.site, () => session.value?.live, () => session.value?.user],
  () => {
    // Whoever comes or turns to another site loads everything anyway.
    heardSite = ''
    gaveWay = false
    follow()
  },
  { flush: 'sync' },
)
document.addEventListener('visibilitychange', () => {
  gaveWay = false
  follow()
})
window.addEventListener('online', () => {
  if (!sourceSite || source) return
  clearTimeout(timer)
  open()
})
