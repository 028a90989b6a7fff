/** Without a connection: whether there is one, from when what shows is, and the worker that makes it show at all. */
import { computed, ref, watch } from 'vue'
import { now } from './clock'
import { formatMoment } from './format'
import { language, t } from './i18n'
import { FORGET, HOME, KEPT, KEPT_HEADER, OPEN } from './sw/names'

/** Whether this device is online, as far as the browser and the last call tell. */
export const online = ref(typeof navigator === 'undefined' || navigator.onLine !== false)
/** From when the oldest of the kept answers is that show instead of fresh ones (ms since 1970); null: all are fresh. */
export const keptSince = ref<number | null>(null)

/** "No connection: what you see is from 21:04."; empty while everything is fresh. */
export const keptNotice = computed(() =>
  keptSince.value === null ? '' : t('offline.since', { time: formatMoment(keptSince.value, now.value) }),
)

/** Milliseconds between two looks for a newer build, while a page lies open. */
export const LOOK_MS = 3_600_000

/** Takes note of an answer: a kept one tells its age, a fresh one that the connection is back. */
export function noteAnswer(response: Response): void {
  const at = Date.parse(response.headers.get(KEPT_HEADER) ?? '')
  if (Number.isFinite(at)) {
    keptSince.value = keptSince.value === null ? at : Math.min(keptSince.value, at)
    online.value = false
  } else {
    keptSince.value = null
    online.value = true
  }
}

/** Whether an answer was kept, and is not the server's of now. */
export function isKept(response: Response): boolean {
  return response.headers.has(KEPT_HEADER)
}

/** Deletes every answer that this browser has kept. */
export async function forgetKept(): Promise<void> {
  keptSince.value = null
  if (typeof caches === 'undefined') return
  try {
    navigator.serviceWorker?.controller?.postMessage({ type: FORGET })
    await caches.delete(KEPT)
  } catch {
    // Storage is forbidden in this browser: then nothing was kept either.
  }
}

/** Whether this page is served by the worker: one that was opened at the sign-in page is not. */
export function isServed(): boolean {
  return typeof navigator === 'undefined' || !navigator.serviceWorker || !registered || navigator.serviceWorker.controller !== null
}

let registered = false
/** After so long the first page has loaded what it shows. */
const REST_MS = 2_000

/**
 * Registers the worker and follows it.
 *
 * `show` opens a path of the dashboard in this page; `user` tells who is signed in.
 */
export function startOffline(
  show: (path: string) => void,
  user: () => string | undefined,
  build = import.meta.env.PROD,
): void {
  window.addEventListener('online', () => (online.value = true))
  window.addEventListener('offline', () => (online.value = false))
  watch(language, followManifest, { immediate: true })
  if (!build || typeof navigator === 'undefined' || !navigator.serviceWorker) return
  navigator.serviceWorker.addEventListener('message', (event: MessageEvent) => {
    const told = event.data as { type?: unknown; path?: unknown } | null
    if (told?.type === OPEN && typeof told.path === 'string') show(told.path)
  })
  // Fetching the whole page for later must not hold up the page of now; the sign-in page has nothing else to do.
  if (!window.location.pathname.startsWith(HOME)) void register()
  else if (document.readyState === 'complete') setTimeout(() => void register(), REST_MS)
  else window.addEventListener('load', () => setTimeout(() => void register(), REST_MS), { once: true })
  watch(
    user,
    (name) => {
      // Push messages that somebody else turned on here end, those that the browser has moved go on.
      if (name && typeof Notification !== 'undefined' && Notification.permission === 'granted') {
        void import('./push').then((push) => push.syncPush())
      }
    },
    { immediate: true },
  )
}

async function register(): Promise<void> {
  try {
    // Below the dashboard's own path, so that it may serve that and nothing else of the site.
    const found = await navigator.serviceWorker.register(`${HOME}/sw.js`, {
      scope: HOME,
      updateViaCache: 'none',
    })
    registered = true
    let looked = Date.now()
    document.addEventListener('visibilitychange', () => {
      if (document.hidden || Date.now() - looked < LOOK_MS) return
      looked = Date.now()
      // Without a connection there is nothing newer to find.
      found.update().catch(() => {})
    })
  } catch {
    // No secure connection, or workers are forbidden here: the page works without, as long as there is a connection.
  }
}

/** The installed app describes itself in the reader's language. */
function followManifest(): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="manifest"]')
  const name = language.value === 'nl' ? 'manifest.nl.webmanifest' : 'manifest.webmanifest'
  const folder = import.meta.env.PROD ? `${HOME}/` : import.meta.env.BASE_URL
  if (link && !link.href.endsWith(`/${name}`)) link.href = `${folder}${name}`
}
