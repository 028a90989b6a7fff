/**
 * The last good answers of the methods that read, for when there is no connection: per method, arguments and site, only
 * while somebody is signed in, bounded in number, size and age. What a session is secret by is never among them.
 */
import { KEPT, KEPT_HEADER } from './names'

/** Answers that are kept at most; the ones that were not asked for again for longest go. */
export const MOST = 200
/** Characters of an answer that is kept at most. */
export const LARGEST = 1_000_000
/** Milliseconds after which an answer tells nothing any more. */
export const OLDEST_MS = 7 * 86_400_000
/** Milliseconds to wait for the server where there is a kept answer; the page itself waits for 20 s. */
export const PATIENCE_MS = 15_000

const SESSION = 'baken.get_session'
const PATH = '/api/method/'
/** Signing in and out, the stream of changes, and what is about this browser and this moment alone. */
const NEVER = new Set([
  'login',
  'logout',
  'ping',
  'baken.get_sign_in_options',
  'baken.get_changes',
  'baken.get_push',
])
const SECRET = /token|secret|csrf|password|api_key/i
/** A gateway says that the server is not there; 503 as JSON is Baken's own word. */
const AWAY = new Set([502, 503, 504])

let epoch = 0

/** The method that a URL calls; null: none. */
export function methodOf(url: string): string | null {
  const path = new URL(url).pathname
  return path.startsWith(PATH) ? decodeURIComponent(path.slice(PATH.length)) : null
}

/** Whether the answer to a request may be kept at all. */
export function mayKeep(request: Request): boolean {
  const method = methodOf(request.url)
  return (
    request.method === 'GET' &&
    method !== null &&
    !NEVER.has(method) &&
    !(request.headers.get('Accept') ?? '').includes('text/event-stream') &&
    !request.headers.has('Authorization')
  )
}

function siteOf(request: Request): string {
  return request.headers.get('X-Frappe-Site-Name') ?? ''
}

/** Under which address an answer is kept: that of the request, and the site. */
export function keyOf(request: Request): string {
  const url = new URL(request.url)
  url.searchParams.sort()
  url.searchParams.append('kept_site', siteOf(request))
  return url.href
}

function sessionKey(request: Request, site: string): string {
  const url = new URL(`${PATH}${SESSION}`, request.url)
  url.searchParams.append('kept_site', site)
  return url.href
}

/** Deletes every answer, and lets none of those that are under way be kept. */
export async function forget(): Promise<void> {
  epoch += 1
  await caches.delete(KEPT)
}

/** The answer to a request: the server's, or without a connection the last good one, marked with its time. */
export async function answer(request: Request, hold: (work: Promise<unknown>) => void): Promise<Response> {
  const mine = epoch
  const asked = fetch(request)
  const stored = asked.then((response) => take(request, response.clone(), mine))
  hold(stored.catch(() => {}))
  try {
    const response = await inTime(asked, request)
    if (AWAY.has(response.status) && !isJson(response)) return (await find(request)) ?? response
    return response
  } catch (error) {
    if (request.signal.aborted) throw error
    const kept = await find(request)
    if (kept) return kept
    throw error
  }
}

/** The answer, or a failure when it takes too long and there is a kept one. */
async function inTime(asked: Promise<Response>, request: Request): Promise<Response> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      void find(request).then((kept) => kept && fail(new TypeError('no answer in time')))
    }, PATIENCE_MS)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The kept answer; undefined: none, or one that is too old. */
async function find(request: Request): Promise<Response | undefined> {
  if (!(await caches.has(KEPT))) return undefined
  const cache = await caches.open(KEPT)
  const found = await cache.match(keyOf(request))
  if (!found) return undefined
  if (!fresh(found)) {
    await cache.delete(keyOf(request))
    return undefined
  }
  return found
}

function fresh(response: Response): boolean {
  const age = Date.now() - Date.parse(response.headers.get(KEPT_HEADER) ?? '')
  return age < OLDEST_MS
}

function isJson(response: Response): boolean {
  return (response.headers.get('Content-Type') ?? '').startsWith('application/json')
}

/** Keeps a good answer; forgets what a refusal says is nobody's any more. */
async function take(request: Request, response: Response, mine: number): Promise<void> {
  const method = methodOf(request.url)
  // Asked before somebody else came: it says nothing of who is here now.
  if (mine !== epoch) return
  if (response.status === 401 || (response.status === 403 && method === SESSION)) return forget()
  if (response.status === 403) return refused(request)
  if (!response.ok || response.redirected || !isJson(response) || response.headers.has('Content-Disposition')) return
  const text = await response.text()
  if (text.length > LARGEST) return
  if (method === SESSION) await takeSession(request, text, mine)
  else await put(request, text, mine)
}

/** This one thing is not allowed, or nobody is signed in any more: asking tells which. */
async function refused(request: Request): Promise<void> {
  if (await caches.has(KEPT)) await (await caches.open(KEPT)).delete(keyOf(request))
  const site = siteOf(request)
  const session = await fetch(`${PATH}${SESSION}`, {
    credentials: 'same-origin',
    cache: 'no-store',
    headers: site ? { 'X-Frappe-Site-Name': site } : {},
  })
  if (session.status === 401 || session.status === 403) await forget()
}

/** The session without what is secret in it; another person's first deletes all of the one before. */
async function takeSession(request: Request, text: string, mine: number): Promise<void> {
  const body = JSON.parse(text) as { message?: Record<string, unknown> }
  const user = body.message?.['user']
  if (typeof user !== 'string' || !user || user === 'Guest') return forget()
  const before = await find(request)
  if (before) {
    const known = (await before.json()) as { message?: { user?: unknown } }
    if (known.message?.user !== user) {
      await forget()
      mine = epoch
    }
  }
  await store(request, JSON.stringify({ message: reduced(body.message ?? {}) }), mine)
}

/** A session as it may lie on a disk: enough to open the page, nothing to act with. */
export function reduced(session: Record<string, unknown>): Record<string, unknown> {
  const safe = Object.entries(session).filter(([name]) => !SECRET.test(name))
  return { ...Object.fromEntries(safe), csrf_token: '' }
}

async function put(request: Request, text: string, mine: number): Promise<void> {
  if (!(await caches.has(KEPT))) return
  const cache = await caches.open(KEPT)
  const site = siteOf(request)
  // Only while somebody is signed in, as far as this browser has seen.
  const session = (await cache.match(sessionKey(request, site))) ?? (await cache.match(sessionKey(request, '')))
  if (session) await store(request, text, mine)
}

async function store(request: Request, text: string, mine: number): Promise<void> {
  if (mine !== epoch) return
  const cache = await caches.open(KEPT)
  const key = keyOf(request)
  // Anew at the end: the first in the list is the one that was not asked for again for longest.
  await cache.delete(key)
  const headers = { 'Content-Type': 'application/json', [KEPT_HEADER]: new Date().toISOString() }
  await cache.put(key, new Response(text, { headers }))
  if (mine !== epoch) {
    await caches.delete(KEPT)
    return
  }
  await prune(cache)
}

async function prune(cache: Cache): Promise<void> {
  const keys = await cache.keys()
  for (const key of keys.slice(0, Math.max(0, keys.length - MOST))) await cache.delete(key)
}

/** Deletes answers that are too old; now and then. */
export async function forgetOld(): Promise<void> {
  if (!(await caches.has(KEPT))) return
  const cache = await caches.open(KEPT)
  for (const key of await cache.keys()) {
    const found = await cache.match(key)
    if (found && !fresh(found)) await cache.delete(key)
  }
}
