/** The page's own files, kept so that it opens without a connection. Each build has a cache of its own. */
import { HOME } from './names'
import { scope } from './scope'

/** What the build puts in: its version, the folder of its files, which of them open every page, and the page itself. */
export interface Shell {
  version: string
  base: string
  files: string[]
  page: string
}
declare const __SHELL__: Shell
const shell = __SHELL__

const PREFIX = 'baken-shell-'
const PAGE = `${HOME}?shell`
const MADE = `${HOME}?made`
/** Milliseconds to wait for the server before the page opens from here. */
const PATIENCE_MS = 10_000
const HASHED = /-[\w-]{8,}\.\w+$/
/** What the server guards its pages with goes with the page that opens without it. */
const GUARDS = [
  'content-security-policy',
  'x-content-type-options',
  'referrer-policy',
  'cross-origin-opener-policy',
  'permissions-policy',
  'x-frame-options',
]

const name = `${PREFIX}${shell.version}`

/** Fetches all files of this build; those that an earlier one had under the same name are taken from there. */
export async function install(): Promise<void> {
  const cache = await caches.open(name)
  const headers: Record<string, string> = { 'Content-Type': 'text/html; charset=utf-8' }
  // This file comes from the host itself; what else there is may come from a server of files that guards nothing.
  const own = await fetch(scope.location.href, { cache: 'no-cache' })
  if (!own.ok) throw new Error(`${scope.location.href}: ${own.status}`)
  for (const guard of GUARDS) {
    const value = own.headers.get(guard)
    if (value) headers[guard] = value
  }
  await Promise.all(
    shell.files.map(async (file) => {
      const had = HASHED.test(file) ? await caches.match(file, { ignoreVary: true }) : undefined
      const response = had ?? (await fetch(file, { cache: HASHED.test(file) ? 'default' : 'no-cache' }))
      if (!response.ok) throw new Error(`${file}: ${response.status}`)
      await cache.put(file, response)
    }),
  )
  await cache.put(PAGE, new Response(shell.page, { headers }))
  await cache.put(MADE, new Response(String(Date.now())))
}

/** Removes the builds before the last one: pages that are open still need the files of the one they came with. */
export async function tidy(): Promise<void> {
  const others = (await caches.keys()).filter((each) => each.startsWith(PREFIX) && each !== name)
  const made = await Promise.all(
    others.map(async (each) => Number(await (await (await caches.open(each)).match(MADE))?.text()) || 0),
  )
  const newest = Math.max(...made)
  await Promise.all(others.filter((_, place) => (made[place] ?? 0) < newest || newest === 0).map((each) => caches.delete(each)))
}

/** Whether a request is for a page of the dashboard. */
export function isPage(request: Request): boolean {
  const path = new URL(request.url).pathname
  return request.mode === 'navigate' && (path === HOME || path.startsWith(`${HOME}/`))
}

/** A page: from the server, who knows whether somebody may see it; without a connection as it was kept. */
export async function page(request: Request): Promise<Response> {
  const kept = async () => (await caches.open(name)).match(PAGE)
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<Response>((resolve) => {
    timer = setTimeout(() => void kept().then((found) => found && resolve(found)), PATIENCE_MS)
  })
  try {
    const response = await Promise.race([fetch(request), late])
    if (response.status === 502 || response.status === 504) return (await kept()) ?? response
    return response
  } catch (error) {
    const found = await kept()
    if (found) return found
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Whether a request is for one of the build's files. */
export function isFile(request: Request): boolean {
  const url = new URL(request.url)
  return request.method === 'GET' && url.pathname.startsWith(shell.base) && !url.pathname.endsWith('/sw.js')
}

/** A file: as it was kept by this build or the one before, else from the server. */
export async function file(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname
  const cache = await caches.open(name)
  const own = await cache.match(path, { ignoreVary: true })
  if (own) return own
  if (!HASHED.test(path)) return fetch(request)
  const earlier = await caches.match(path, { ignoreVary: true })
  if (earlier) return earlier
  const response = await fetch(request)
  if (response.ok) await cache.put(path, response.clone())
  return response
}
