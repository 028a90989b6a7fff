import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { answer, forget, forgetOld, keyOf, LARGEST, mayKeep, MOST, OLDEST_MS, reduced } from '../src/sw/kept'
import { KEPT, KEPT_HEADER } from '../src/sw/names'

const BASE = 'https://baken.test/api/method/'

/** Cache Storage, as far as the worker uses it: in the order in which answers were put. */
class FakeCache {
  entries = new Map<string, Response>()
  match = async (key: Request | string) => this.entries.get(typeof key === 'string' ? key : key.url)?.clone()
  put = async (key: string, response: Response) => void this.entries.set(key, response)
  delete = async (key: Request | string) => this.entries.delete(typeof key === 'string' ? key : key.url)
  keys = async () => [...this.entries.keys()].map((url) => ({ url }) as Request)
}
class FakeCaches {
  all = new Map<string, FakeCache>()
  has = async (name: string) => this.all.has(name)
  delete = async (name: string) => this.all.delete(name)
  async open(name: string) {
    const found = this.all.get(name) ?? new FakeCache()
    this.all.set(name, found)
    return found
  }
}

let caches: FakeCaches
let server: (request: Request) => Promise<Response>
let held: Promise<unknown>[]

function json(body: unknown, init: ResponseInit = {}): Response {
  return new Response(JSON.stringify(body), { ...init, headers: { 'Content-Type': 'application/json', ...init.headers } })
}

function asked(method: string, init: RequestInit = {}): Request {
  return new Request(BASE + method, { headers: { Accept: 'application/json' }, ...init })
}

/** Asks as a page does, and waits until what is kept of it is kept. */
async function ask(method: string, init: RequestInit = {}): Promise<Response> {
  const response = await answer(asked(method, init), (work) => held.push(work))
  await Promise.all(held)
  return response
}

function kept(): string[] {
  return [...(caches.all.get(KEPT)?.entries.keys() ?? [])].map((url) => url.replace(BASE, ''))
}

const SESSION = { user: 'els@example.test', full_name: 'Els', site: 'a', csrf_token: 'secret', roles: ['X'] }
async function signIn(session: object = SESSION): Promise<void> {
  server = async () => json({ message: session })
  await ask('baken.get_session')
}
const down = async () => {
  throw new TypeError('Failed to fetch')
}

beforeEach(async () => {
  caches = new FakeCaches()
  held = []
  vi.stubGlobal('caches', caches)
  vi.stubGlobal('fetch', (request: Request | string) => server(request instanceof Request ? request : asked(request)))
  await forget()
})
afterEach(() => vi.useRealTimers())

test('what may be kept at all', () => {
  expect(mayKeep(asked('baken.get_alerts?days=7'))).toBe(true)
  expect(mayKeep(asked('baken.acknowledge_alerts', { method: 'POST' }))).toBe(false)
  expect(mayKeep(asked('baken.get_changes'))).toBe(false)
  expect(mayKeep(asked('baken.get_push'))).toBe(false)
  expect(mayKeep(asked('login'))).toBe(false)
  expect(mayKeep(asked('baken.get_alerts', { headers: { Accept: 'text/event-stream' } }))).toBe(false)
  expect(mayKeep(asked('baken.get_alerts', { headers: { Authorization: 'token a:b' } }))).toBe(false)
  expect(mayKeep(new Request('https://baken.test/monitoring_dashboard'))).toBe(false)
})

test('the same question is the same key, whatever the order; another site is another one', () => {
  expect(keyOf(asked('m?a=1&b=2'))).toBe(keyOf(asked('m?b=2&a=1')))
  expect(keyOf(asked('m', { headers: { 'X-Frappe-Site-Name': 'a' } }))).not.toBe(keyOf(asked('m')))
})

test('nothing is kept while nobody is signed in', async () => {
  server = async () => json({ message: 1 })
  await ask('baken.get_alerts')
  expect(kept()).toEqual([])
})

test('without a connection the last good answer comes, with its time', async () => {
  vi.useFakeTimers({ now: new Date('2026-11-27T21:04:00Z'), toFake: ['Date'] })
  await signIn()
  server = async () => json({ message: { open: 3 } })
  expect((await ask('baken.get_alerts')).headers.has(KEPT_HEADER)).toBe(false)
  server = down
  const found = await ask('baken.get_alerts')
  expect(found.headers.get(KEPT_HEADER)).toBe('2026-11-27T21:04:00.000Z')
  expect(await found.json()).toEqual({ message: { open: 3 } })
  await expect(ask('baken.get_rules')).rejects.toThrow('Failed to fetch')
})

test('what a gateway says of a server that is away is no answer, what Baken says itself is one', async () => {
  await signIn()
  server = async () => json({ message: 1 })
  await ask('baken.get_alerts')
  server = async () => new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'Content-Type': 'text/html' } })
  expect((await ask('baken.get_alerts')).status).toBe(200)
  server = async () => json({ exc_type: 'StoreError' }, { status: 503 })
  expect((await ask('baken.get_alerts')).status).toBe(503)
  expect(kept()).toHaveLength(2)
})

test('the session is kept without what is secret in it', async () => {
  await signIn()
  server = down
  const found = (await (await ask('baken.get_session')).json()) as { message: Record<string, unknown> }
  expect(found.message).toEqual({ ...SESSION, csrf_token: '' })
  expect(reduced({ user: 'a', sid_token: 'b', api_key: 'c', live: true })).toEqual({ user: 'a', live: true, csrf_token: '' })
})

test('another person finds nothing of the one before, nor what was under way', async () => {
  await signIn()
  let late: (response: Response) => void = () => {}
  server = () => new Promise((resolve) => (late = resolve))
  const work: Promise<unknown>[] = []
  const waiting = answer(asked('baken.get_alerts'), (each) => work.push(each))
  await signIn({ ...SESSION, user: 'jan@example.test' })
  late(json({ message: 'of Els' }))
  await waiting
  await Promise.all(work)
  expect(kept()).toEqual(['baken.get_session?kept_site='])
})

test.each([401, 403])('a session that has ended (%i) takes everything along', async (status) => {
  await signIn()
  server = async () => json({ message: 1 })
  await ask('baken.get_alerts')
  server = async () => json({}, { status })
  await ask('baken.get_alerts')
  expect(kept()).toEqual([])
})

test('one thing that is not allowed any more is forgotten alone', async () => {
  await signIn()
  server = async () => json({ message: 1 })
  await ask('baken.get_alerts')
  await ask('baken.get_rules')
  server = async (request) => (request.url.includes('get_session') ? json({ message: SESSION }) : json({}, { status: 403 }))
  await ask('baken.get_rules')
  expect(kept()).toEqual(['baken.get_session?kept_site=', 'baken.get_alerts?kept_site='])
})

test('downloads, large answers and other texts are not kept', async () => {
  await signIn()
  server = async () => json([], { headers: { 'Content-Disposition': 'attachment; filename=a.json' } })
  await ask('baken.export')
  server = async () => new Response('a,b', { headers: { 'Content-Type': 'text/csv' } })
  await ask('baken.csv')
  server = async () => json({ message: 'x'.repeat(LARGEST) })
  await ask('baken.large')
  server = async () => json({}, { status: 500 })
  await ask('baken.failing')
  expect(kept()).toEqual(['baken.get_session?kept_site='])
})

test('there is a limit, and what was asked for again stays', async () => {
  await signIn()
  server = async () => json({ message: 1 })
  for (let number = 1; number < MOST; number += 1) await ask(`m?n=${number}`)
  await ask('m?n=1')
  server = async () => json({ message: SESSION })
  await ask('baken.get_session')
  server = async () => json({ message: 1 })
  await ask('m?n=new')
  expect(kept()).toHaveLength(MOST)
  expect(kept()).toContain('m?n=1&kept_site=')
  expect(kept()).not.toContain('m?n=2&kept_site=')
})

test('what is a week old tells nothing any more', async () => {
  vi.useFakeTimers({ now: new Date('2026-11-20T12:00:00Z'), toFake: ['Date'] })
  await signIn()
  server = async () => json({ message: 1 })
  await ask('baken.get_alerts')
  vi.setSystemTime(Date.now() + OLDEST_MS + 1)
  server = down
  await expect(ask('baken.get_alerts')).rejects.toThrow()
  await forgetOld()
  expect(kept()).toEqual([])
})

test('a server that does not answer in time gives way to what is known, and is heard later', async () => {
  await signIn()
  server = async () => json({ message: 'old' })
  await ask('baken.get_alerts')
  vi.useFakeTimers()
  let late: (response: Response) => void = () => {}
  server = () => new Promise((resolve) => (late = resolve))
  const waiting = answer(asked('baken.get_alerts'), (work) => held.push(work))
  await vi.advanceTimersByTimeAsync(15_001)
  expect(await (await waiting).json()).toEqual({ message: 'old' })
  late(json({ message: 'new' }))
  await Promise.all(held)
  server = down
  const again = answer(asked('baken.get_alerts'), (work) => held.push(work))
  expect(await (await again).json()).toEqual({ message: 'new' })
})
