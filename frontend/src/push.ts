/** Push messages in this browser: whether they can be had, turning them on and off, and the person's other browsers. */
import { computed, ref } from 'vue'
import { ApiError, read, write } from './api/client'
import { language, t } from './i18n'
import { reason } from './reasons'
import { session } from './session'

/**
 * unknown: not looked yet. unsupported: this browser has none. insecure: Baken is reached without HTTPS.
 * install: on iPhone and iPad Baken has to be on the home screen first. denied: forbidden in the browser's settings.
 */
export type PushState = 'unknown' | 'unsupported' | 'insecure' | 'install' | 'denied' | 'off' | 'on'
export type PushSeverity = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'
export const PUSH_SEVERITIES: readonly PushSeverity[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW']

/** One of the person's browsers that get push messages. */
export interface PushBrowser {
  id: number
  name: string
  key: string
  browser: string
  at_least: PushSeverity
  language: string
  created: string
  last_ok: string | null
  failures: number
}

interface PushAnswer {
  public_key: string | null
  absent: string | null
  most: number
  subscriptions: PushBrowser[]
}

interface TestAnswer {
  results: { id: number; browser: string; ok: boolean; detail: string; gone: boolean }[]
}

export const pushState = ref<PushState>('unknown')
export const pushBrowsers = ref<PushBrowser[]>([])
/** The key of this browser among them; null: it is none of them. */
export const ownKey = ref<string | null>(null)
/** This browser among the person's; null: push messages are off here. */
export const thisBrowser = computed(() => pushBrowsers.value.find((each) => each.key === ownKey.value) ?? null)

/** What hinders push messages here before anybody is asked; null: nothing. */
export function hindrance(): PushState | null {
  if (!window.isSecureContext) return 'insecure'
  const able = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
  if (!able) return isApple() && !matchMedia('(display-mode: standalone)').matches ? 'install' : 'unsupported'
  return Notification.permission === 'denied' ? 'denied' : null
}

function isApple(): boolean {
  // An iPad calls itself a Macintosh; no Mac has a touch screen.
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1)
}

/** What kind of browser and system this is, in words; empty where nobody can tell. */
export function describe(agent: string): { browser: string; system: string } {
  const browsers: [RegExp, string][] = [
    [/Edg(?:e|A|iOS)?\//, 'Edge'],
    [/OPR\//, 'Opera'],
    [/SamsungBrowser\//, 'Samsung Internet'],
    [/Firefox\/|FxiOS\//, 'Firefox'],
    [/Chrome\/|CriOS\//, 'Chrome'],
    [/Safari\//, 'Safari'],
  ]
  const systems: [RegExp, string][] = [
    [/iPhone/, 'iPhone'],
    [/iPad/, 'iPad'],
    [/Android/, 'Android'],
    [/Windows/, 'Windows'],
    [/CrOS/, 'ChromeOS'],
    [/Mac OS X/, 'Mac'],
    [/Linux/, 'Linux'],
  ]
  const named = (list: [RegExp, string][]) => list.find(([sign]) => sign.test(agent))?.[1] ?? ''
  return { browser: named(browsers), system: named(systems) }
}

/** The SHA-256 of an endpoint, by which a browser knows itself among the person's. */
export async function keyOf(endpoint: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The bytes of base64url. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0))
}

function sameKey(subscription: PushSubscription, wanted: string): boolean {
  const used = subscription.options.applicationServerKey
  if (!used) return true // A browser that does not tell: taken at its word.
  const [one, other] = [new Uint8Array(used), bytesOf(wanted)]
  return one.length === other.length && one.every((byte, place) => byte === other[place])
}

/** The worker's registration; null when there is none, as in the development server. */
async function worker(): Promise<ServiceWorkerRegistration | null> {
  return (await navigator.serviceWorker.getRegistration('/monitoring_dashboard')) ?? null
}

async function local(): Promise<PushSubscription | null> {
  return (await (await worker())?.pushManager.getSubscription()) ?? null
}

const OWNER = 'baken.push'

/** Whose the subscription of this browser is, and which one: hashes, for it lies in the browser's storage. */
async function owner(): Promise<string> {
  return keyOf(`${session.value?.site ?? ''} ${session.value?.user ?? ''}`)
}

async function remember(key: string | null): Promise<void> {
  try {
    if (key === null) localStorage.removeItem(OWNER)
    else localStorage.setItem(OWNER, `${await owner()} ${key}`)
  } catch {
    // Storage is forbidden: a subscription that the browser moves has to be turned on again.
  }
}

/** The key before the browser moved this person's subscription, which nobody could tell the server then; null: it did not. */
async function keyBefore(key: string): Promise<string | null> {
  try {
    const [whose, which] = (localStorage.getItem(OWNER) ?? '').split(' ')
    return whose === (await owner()) && which && which !== key ? which : null
  } catch {
    return null
  }
}

/** After somebody came: a subscription here is theirs, or ends. Asks the server only when there is one. */
export async function syncPush(): Promise<void> {
  try {
    if (!hindrance() && (await local())) await loadPush()
  } catch {
    // The server or the push service is away: the next visit looks again.
  }
}

/** Looks how things stand, here and at the server. Raises ApiError when the server does not answer. */
export async function loadPush(): Promise<void> {
  const answer = await read<PushAnswer>('baken.get_push')
  pushBrowsers.value = answer.subscriptions
  const hindered = hindrance()
  if (hindered) {
    ownKey.value = null
    pushState.value = hindered
    return
  }
  const subscription = await local()
  ownKey.value = subscription ? await keyOf(subscription.endpoint) : null
  const old = subscription && ownKey.value && !thisBrowser.value ? await keyBefore(ownKey.value) : null
  if (subscription && old) {
    const before = pushBrowsers.value.find((each) => each.key === old)
    await tell(subscription, before ? { at_least: before.at_least } : {})
    if (before) await write('baken.unsubscribe_push', { args: { which: String(before.id) } })
    pushBrowsers.value = (await read<PushAnswer>('baken.get_push')).subscriptions
  }
  const known = thisBrowser.value !== null
  if (subscription && (!known || (answer.public_key && !sameKey(subscription, answer.public_key)))) {
    // Somebody else's who sat here, or one for a key that Baken has no more: nothing of it may arrive here.
    const before = thisBrowser.value
    await subscription.unsubscribe()
    await remember(null)
    ownKey.value = null
    pushState.value = 'off'
    if (before) {
      await write('baken.unsubscribe_push', { args: { which: String(before.id) } })
      await enablePush(before.at_least)
    }
    return
  }
  pushState.value = known ? 'on' : 'off'
}

/** Tells the server of this browser's subscription; what is not given stays as it is. */
async function tell(subscription: PushSubscription, more: { at_least?: PushSeverity; replaces?: string } = {}): Promise<void> {
  const keys = subscription.toJSON().keys ?? {}
  await write('baken.subscribe_push', {
    args: {
      endpoint: subscription.endpoint,
      p256dh: keys['p256dh'] ?? '',
      auth: keys['auth'] ?? '',
      language: language.value,
      ...describe(navigator.userAgent),
      origin: location.origin,
      ...more,
    },
  })
  await remember(await keyOf(subscription.endpoint))
}

/**
 * Turns push messages on here, or changes from which severity on. Has to be called while a person presses something:
 * the browser asks for permission. Raises Error with a text for the person, and ApiError.
 */
export async function enablePush(atLeast: PushSeverity = 'CRITICAL'): Promise<void> {
  const hindered = hindrance()
  if (hindered) {
    pushState.value = hindered
    throw new Error(whyNot(hindered))
  }
  if ((await Notification.requestPermission()) !== 'granted') {
    pushState.value = Notification.permission === 'denied' ? 'denied' : 'off'
    throw new Error(t('push.notAllowed'))
  }
  const answer = await read<PushAnswer>('baken.get_push')
  if (!answer.public_key) throw new Error(answer.absent ? reason(answer.absent) : t('push.noWorker'))
  const registration = await worker()
  if (!registration) throw new Error(t('push.noWorker'))
  let subscription = await registration.pushManager.getSubscription()
  const before = subscription?.endpoint ?? ''
  if (subscription && !sameKey(subscription, answer.public_key)) {
    await subscription.unsubscribe()
    subscription = null
  }
  try {
    subscription ??= await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytesOf(answer.public_key),
    })
  } catch {
    throw new Error(t('push.noService'))
  }
  await tell(subscription, { at_least: atLeast, replaces: before !== subscription.endpoint ? before : '' })
  await loadPush()
}

/** Turns push messages off here. */
export async function disablePush(): Promise<void> {
  const subscription = await local()
  if (subscription) {
    await write('baken.unsubscribe_push', { args: { which: subscription.endpoint } })
    await subscription.unsubscribe()
    await remember(null)
  }
  await loadPush()
}

/** Turns push messages off in another of the person's browsers. */
export async function removePush(id: number): Promise<void> {
  if (thisBrowser.value?.id === id) return disablePush()
  await write('baken.unsubscribe_push', { args: { which: String(id) } })
  await loadPush()
}

/** Sends a test message to this browser, or to another one of the person's. Raises Error with why it did not work. */
export async function testPush(id = thisBrowser.value?.id ?? 0): Promise<void> {
  const { results } = await write<TestAnswer>('baken.test_push', { args: { id } })
  await loadPush()
  const failed = results.find((each) => !each.ok)
  if (failed) throw new Error(failed.gone ? t('push.gone') : t('push.failed', { reason: reason(failed.detail) }))
  if (!results.length) throw new Error(t('push.gone'))
}

/** Signing out ends push messages here: whoever sits here next must not see what is not for them. */
export async function endPush(): Promise<void> {
  if (hindrance() === 'insecure' || !('serviceWorker' in navigator)) return
  try {
    const subscription = await local()
    if (!subscription) return
    // The push service tells Baken too, at the next message, should this call fail.
    await Promise.allSettled([
      write('baken.unsubscribe_push', { args: { which: subscription.endpoint } }),
      subscription.unsubscribe(),
      remember(null),
    ])
  } catch (error) {
    if (error instanceof ApiError) return
    // Push messages are forbidden here: there is nothing to end.
  }
}

/** Takes messages about alerts off the screen that are not active any more. */
export async function tidyNotices(active: readonly number[]): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  const open = new Set(active.map((number) => `baken-alert-${number}`))
  for (const notice of (await (await worker())?.getNotifications()) ?? []) {
    if (notice.tag.startsWith('baken-alert-') && !open.has(notice.tag)) notice.close()
  }
}

/** Why push messages cannot be turned on here, for the person. */
export function whyNot(state: PushState): string {
  if (state === 'insecure') return t('push.insecure')
  if (state === 'install') return t('push.install')
  if (state === 'denied') return t('push.denied')
  return t('push.unsupported')
}
