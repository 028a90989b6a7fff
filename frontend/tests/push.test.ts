import { mount } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import type { Session } from '../src/api/types'
import { noteAnswer, forgetKept, keptSince, online } from '../src/offline'
import { bytesOf, describe, keyOf, loadPush, pushState, enablePush, disablePush, syncPush, testPush, thisBrowser, whyNot } from '../src/push'
import { read, write, ApiError } from '../src/api/client'
import { explain } from '../src/part'
import { useRefresh, type Refresh } from '../src/refresh'
import { session } from '../src/session'

vi.hoisted(() => {
  Object.assign(globalThis, { __SHELL__: {}, __WORDS__: {} })
})
import { noticeOf, pathOf, type Told } from '../src/sw/notices'

const KEY = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'
const ENDPOINT = 'https://push.example/abc'

/** A browser with push messages: what it is asked for is noted. */
function browser(permission: NotificationPermission = 'default') {
  let subscription: unknown = null
  const made = {
    endpoint: ENDPOINT,
    options: { applicationServerKey: bytesOf(KEY).buffer },
    toJSON: () => ({ keys: { p256dh: 'p', auth: 'a' } }),
    unsubscribe: vi.fn(async () => {
      subscription = null
      return true
    }),
  }
  const pushManager = {
    getSubscription: vi.fn(async () => subscription),
    subscribe: vi.fn(async () => (subscription = made)),
  }
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('PushManager', class {})
  vi.stubGlobal('Notification', { permission, requestPermission: vi.fn(async () => (permission === 'default' ? 'granted' : permission)) })
  const registration = { pushManager, getNotifications: async () => [] }
  Object.defineProperty(navigator, 'serviceWorker', {
    configurable: true,
    value: { getRegistration: async () => registration, controller: null },
  })
  return { made, pushManager, has: () => subscription !== null, put: () => (subscription = made) }
}

/** The server's half. */
function server() {
  const rows: Record<string, unknown>[] = []
  const calls: [string, Record<string, unknown>][] = []
  let next = 0
  vi.stubGlobal('fetch', async (url: string, init: RequestInit = {}) => {
    const method = url.replace('/api/method/', '').split('?')[0] ?? ''
    const args = init.body ? (JSON.parse(String(init.body)) as Record<string, unknown>) : {}
    calls.push([method, args])
    let message: unknown = {}
    if (method === 'baken.get_push') message = { public_key: KEY, absent: null, most: 10, subscriptions: rows }
    if (method === 'baken.subscribe_push') {
      const key = await keyOf(String(args['endpoint']))
      const place = rows.findIndex((each) => each['key'] === key)
      const id = place < 0 ? (next += 1) : rows[place]?.['id']
      rows.splice(place < 0 ? rows.length : place, place < 0 ? 0 : 1, { id, key, browser: 'Chrome', at_least: args['at_least'] })
    }
    if (method === 'baken.unsubscribe_push') {
      const gone = await keyOf(String(args['which']))
      rows.splice(0, rows.length, ...rows.filter((each) => each['key'] !== gone && String(each['id']) !== args['which']))
    }
    if (method === 'baken.test_push') message = { results: [{ id: 1, ok: false, gone: false, detail: 'it hangs' }] }
    return new Response(JSON.stringify({ message }), { headers: { 'Content-Type': 'application/json' } })
  })
  return { rows, calls }
}

beforeEach(() => {
  vi.restoreAllMocks()
  pushState.value = 'unknown'
  keptSince.value = null
  online.value = true
})

test('on, changed, tried and off', async () => {
  const here = browser()
  const { calls } = server()
  await loadPush()
  expect(pushState.value).toBe('off')
  await enablePush('HIGH')
  expect(pushState.value).toBe('on')
  expect(thisBrowser.value?.at_least).toBe('HIGH')
  const [, args] = calls.find(([method]) => method === 'baken.subscribe_push') ?? []
  expect(args).toMatchObject({ endpoint: ENDPOINT, p256dh: 'p', auth: 'a', language: 'en', at_least: 'HIGH', replaces: '' })
  expect(here.pushManager.subscribe).toHaveBeenCalledWith({ userVisibleOnly: true, applicationServerKey: bytesOf(KEY) })
  await enablePush('LOW')
  expect(here.pushManager.subscribe).toHaveBeenCalledOnce()
  await expect(testPush()).rejects.toThrow('it hangs')
  await disablePush()
  expect([pushState.value, here.has()]).toEqual(['off', false])
})

test('a subscription that is not this person’s is ended here', async () => {
  const here = browser('granted')
  server()
  here.put()
  await loadPush()
  expect(here.made.unsubscribe).toHaveBeenCalledOnce()
  expect(pushState.value).toBe('off')
})

test('one for a key that Baken has no more is made anew, from the same severity on', async () => {
  const here = browser()
  const { rows, calls } = server()
  here.put()
  here.made.options.applicationServerKey = new Uint8Array(65).buffer
  rows.push({ id: 1, key: await keyOf(ENDPOINT), at_least: 'MEDIUM' })
  here.pushManager.subscribe.mockImplementation(async () => {
    here.made.options.applicationServerKey = bytesOf(KEY).buffer
    return here.put()
  })
  await loadPush()
  expect(pushState.value).toBe('on')
  expect(calls.find(([method]) => method === 'baken.subscribe_push')?.[1]).toMatchObject({ at_least: 'MEDIUM' })
})

test('what hinders is said', async () => {
  browser('denied')
  server()
  await loadPush()
  expect(pushState.value).toBe('denied')
  await expect(enablePush()).rejects.toThrow(whyNot('denied'))
  vi.stubGlobal('isSecureContext', false)
  await loadPush()
  expect(pushState.value).toBe('insecure')
})

test('browsers in words', () => {
  const chrome = 'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36'
  expect(describe(chrome)).toEqual({ browser: 'Chrome', system: 'Android' })
  expect(describe('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toEqual({ browser: 'Firefox', system: 'Linux' })
  const safari = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/18 Mobile Safari/604'
  expect(describe(safari)).toEqual({ browser: 'Safari', system: 'iPhone' })
  expect(describe('curl/8')).toEqual({ browser: '', system: '' })
})

const TOLD: Told = {
  title: 'Critical: down', body: 'leden', severity: 'CRITICAL', tag: 'baken-alert-3', url: '/monitoring_dashboard/alerts/3',
  site: 'leden', language: 'nl', alert: 3, done: [], quiet: false, at: '2026-11-27T21:04:00Z', acknowledge: 'Bevestigen', open: 'Openen',
}

test('what stands on the screen', () => {
  const { title, options } = noticeOf(TOLD)
  expect(title).toBe('Critical: down')
  expect(options).toMatchObject({
    tag: 'baken-alert-3', lang: 'nl', requireInteraction: true, renotify: true, silent: false, timestamp: Date.parse(TOLD.at),
    actions: [{ action: 'acknowledge', title: 'Bevestigen' }, { action: 'open', title: 'Openen' }],
    data: { url: '/monitoring_dashboard/alerts/3', alert: 3, site: 'leden' },
  })
  const over = noticeOf({ ...TOLD, alert: null, quiet: true, severity: 'over' }).options
  expect(over).toMatchObject({ renotify: false, silent: true, requireInteraction: false })
  expect(over.actions?.map((each) => each.action)).toEqual(['open'])
})

test('only pages of the dashboard are opened', () => {
  expect(pathOf('/monitoring_dashboard/alerts/3')).toBe('/monitoring_dashboard/alerts/3')
  for (const other of ['https://evil.example/', '//evil.example', '/monitoring_dashboardx', 3, null]) {
    expect(pathOf(other)).toBe('/monitoring_dashboard')
  }
})

test('kept answers tell from when they are, the oldest counts, and a fresh one ends it', async () => {
  const keptAt = (at: string) => new Response('{}', { headers: { 'X-Baken-Kept': at } })
  noteAnswer(keptAt('2026-11-27T21:04:00Z'))
  noteAnswer(keptAt('2026-11-27T21:01:00Z'))
  noteAnswer(keptAt('2026-11-27T21:06:00Z'))
  expect(keptSince.value).toBe(Date.parse('2026-11-27T21:01:00Z'))
  expect(online.value).toBe(false)
  noteAnswer(new Response('{}'))
  expect([keptSince.value, online.value]).toEqual([null, true])
  noteAnswer(keptAt('2026-11-27T21:04:00Z'))
  await forgetKept()
  expect(keptSince.value).toBeNull()
})

test('without a connection nothing is sent that changes something, and the text says so', async () => {
  const fetched = vi.fn()
  vi.stubGlobal('fetch', fetched)
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false)
  const failed = await write('baken.acknowledge_alerts').catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(ApiError)
  expect(explain(failed)).toBe('You are offline: nothing was changed. Try again when there is a connection.')
  expect(fetched).not.toHaveBeenCalled()
  fetched.mockRejectedValue(new TypeError('Failed to fetch'))
  await expect(read('baken.get_alerts')).rejects.toBeInstanceOf(ApiError)
  expect(online.value).toBe(false)
})

test('a subscription that the browser has moved goes on, one that was taken off the list does not', async () => {
  const here = browser()
  const { rows, calls } = server()
  await enablePush('HIGH')
  // Taken off the list from another browser.
  rows.length = 0
  await syncPush()
  expect([pushState.value, here.has()]).toEqual(['off', false])
  await enablePush('HIGH')
  // The browser has another address now, and nobody was signed in at that moment.
  here.made.endpoint = 'https://push.example/moved'
  calls.length = 0
  await syncPush()
  expect([pushState.value, here.has()]).toEqual(['on', true])
  expect(calls.find(([method]) => method === 'baken.subscribe_push')?.[1]).toMatchObject({
    endpoint: here.made.endpoint,
    at_least: 'HIGH',
  })
  // Somebody else sits here.
  session.value = { user: 'jan@example.test', site: 'a' } as Session
  rows.length = 0
  here.made.endpoint = 'https://push.example/again'
  await syncPush()
  expect([pushState.value, here.has()]).toEqual(['off', false])
  session.value = null
})

test('kept answers are no sign that the server is back', async () => {
  keptSince.value = Date.parse('2026-01-01T21:04:00Z')
  let loads = 0
  const host = mount({
    setup: () => ({ refresh: useRefresh(async () => void (loads += 1)) }),
    render: () => null,
  })
  await vi.waitFor(() => expect(loads).toBe(1))
  const { refresh } = host.vm as unknown as { refresh: Refresh }
  await vi.waitFor(() => expect(refresh.awaySince.value).not.toBeNull())
  expect(refresh.lastAt.value).toBe(keptSince.value)
  keptSince.value = null
  await refresh.refreshNow()
  expect(refresh.awaySince.value).toBeNull()
  expect(refresh.lastAt.value).toBeGreaterThan(Date.parse('2026-01-01T21:04:00Z'))
})
