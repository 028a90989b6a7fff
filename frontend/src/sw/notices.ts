/** Push messages: shown, replaced, and acted upon. Everything is in words already, in the reader's language. */
import { HOME, OPEN } from './names'
import { scope } from './scope'

declare const __WORDS__: Record<string, Record<string, string>>
const texts = __WORDS__

/** What Baken sends; see baken/alerts/channels/push.py. */
export interface Told {
  title: string
  body: string
  /** LOW, MEDIUM, HIGH, CRITICAL, or "over". */
  severity: string
  tag: string
  url: string
  site: string
  language: string
  /** The alert that can be acknowledged from here; null: none. */
  alert: number | null
  done: number[]
  quiet: boolean
  at: string
  acknowledge: string
  open: string
}

interface Action {
  action: string
  title: string
}

/** Options that the compiler's list of notifications lacks. */
interface Options extends NotificationOptions {
  actions?: Action[]
  renotify?: boolean
  timestamp?: number
}

const ICONS = '/assets/baken/icons/'

/** What stands on the screen for a message. */
export function noticeOf(told: Told): { title: string; options: Options } {
  const actions: Action[] = []
  if (told.alert !== null && told.acknowledge) actions.push({ action: 'acknowledge', title: told.acknowledge })
  if (told.open) actions.push({ action: 'open', title: told.open })
  const at = Date.parse(told.at)
  return {
    title: told.title,
    options: {
      body: told.body,
      tag: told.tag,
      lang: told.language,
      icon: `${ICONS}icon-192.png`,
      badge: `${ICONS}badge-96.png`,
      // News of something grave stays until somebody has seen it; that it is over makes no sound.
      requireInteraction: told.severity === 'CRITICAL' && !told.quiet,
      renotify: !told.quiet,
      silent: told.quiet,
      ...(Number.isFinite(at) && { timestamp: at }),
      actions,
      data: { url: pathOf(told.url), alert: told.alert, site: told.site },
    },
  }
}

/** A path of the dashboard, whatever was sent. */
export function pathOf(url: unknown): string {
  return typeof url === 'string' && /^\/monitoring_dashboard(?:[/?#]|$)/.test(url) ? url : HOME
}

function isTold(data: unknown): data is Told {
  const told = data as Told | null
  return typeof told === 'object' && told !== null && typeof told.title === 'string' && typeof told.tag === 'string'
}

/** Shows a message; takes those off the screen that something newer is known about. */
export async function show(read: () => unknown): Promise<void> {
  let data: unknown = null
  try {
    data = read()
  } catch {
    // It is no JSON: shown as news without words of its own.
  }
  if (!isTold(data)) {
    const words = texts[navigator.language.slice(0, 2)] ?? texts['en']
    await scope.registration.showNotification('Baken', {
      body: words?.['push.news'] ?? '',
      tag: 'baken-news',
      icon: `${ICONS}icon-192.png`,
      badge: `${ICONS}badge-96.png`,
      data: { url: HOME, alert: null, site: '' },
    })
    return
  }
  const done = new Set((Array.isArray(data.done) ? data.done : []).map((number) => `baken-alert-${number}`))
  for (const shown of await scope.registration.getNotifications()) {
    if (done.has(shown.tag) && shown.tag !== data.tag) shown.close()
  }
  const { title, options } = noticeOf(data)
  await scope.registration.showNotification(title, options)
}

/** Somebody pressed a message or one of its buttons. */
export async function pressed(notice: Notification, action: string): Promise<void> {
  notice.close()
  const data = (notice.data ?? {}) as { url?: unknown; alert?: unknown; site?: unknown }
  if (action === 'acknowledge' && typeof data.alert === 'number') {
    if (await acknowledge(data.alert, typeof data.site === 'string' ? data.site : '')) return
  }
  await openPage(pathOf(data.url))
}

/** Acknowledges with the session of this browser; false: it did not work, and the page has to be looked at. */
async function acknowledge(alert: number, site: string): Promise<boolean> {
  try {
    const answer = await post('baken.acknowledge_alerts', { alerts: String(alert) }, site)
    const changed = (answer as { message?: { changed?: unknown[] } }).message?.changed
    return Array.isArray(changed) && changed.length > 0
  } catch {
    return false // No connection, or the session has ended: the page tells.
  }
}

/** Calls a method that changes something. Raises when it is refused. */
async function post(method: string, args: Record<string, unknown>, site = ''): Promise<unknown> {
  const named: Record<string, string> = site ? { 'X-Frappe-Site-Name': site } : {}
  const session = await fetch('/api/method/baken.get_session', {
    credentials: 'same-origin',
    cache: 'no-store',
    headers: { Accept: 'application/json', ...named },
  })
  if (!session.ok) throw new Error(`HTTP ${session.status}`)
  const { message } = (await session.json()) as { message: { csrf_token: string } }
  const response = await fetch(`/api/method/${method}`, {
    method: 'POST',
    credentials: 'same-origin',
    body: JSON.stringify(args),
    headers: {
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'X-Frappe-CSRF-Token': message.csrf_token,
      ...named,
    },
  })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  return response.json()
}

/** Shows a path: in a page that is open already, else in a new one. */
async function openPage(path: string): Promise<void> {
  const pages = await scope.clients.matchAll({ type: 'window' })
  const found = pages.find((each) => each.focused) ?? pages[0]
  if (!found) {
    await scope.clients.openWindow(path)
    return
  }
  const shown = await found.focus().catch(() => found)
  shown.postMessage({ type: OPEN, path })
}

/** The browser's address at its push service has changed: Baken hears of it, as long as somebody is signed in. */
export async function moved(before: PushSubscription | null, after: PushSubscription | null): Promise<void> {
  const options = before?.options
  const now =
    after ??
    (await scope.registration.pushManager.getSubscription()) ??
    (options?.applicationServerKey
      ? await scope.registration.pushManager.subscribe({
          userVisibleOnly: true,
          applicationServerKey: options.applicationServerKey,
        })
      : null)
  if (!now) return
  const keys = now.toJSON().keys ?? {}
  await post('baken.subscribe_push', {
    endpoint: now.endpoint,
    p256dh: keys['p256dh'] ?? '',
    auth: keys['auth'] ?? '',
    replaces: before?.endpoint ?? '',
  })
}
