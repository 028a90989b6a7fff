/** Calls of `/api/method/…`: GET to read, POST with the CSRF token to write. */
import { noteAnswer, online } from '../offline'

export class ApiError extends Error {
  constructor(
    message: string,
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    readonly kind: string,
    /** Seconds to wait, from Retry-After, when the server asked for it. */
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** The server or the way to it is away: worth trying again, unlike a refusal. */
  get away(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

type Argument = string | number | boolean | null | undefined | object

interface CallOptions {
  args?: Record<string, Argument>
  signal?: AbortSignal
  /** Milliseconds until the call counts as unanswered. */
  timeout?: number
}

let csrfToken = ''
let site = ''
let whenRefused: (status: number) => void = () => {}
let renewToken: () => Promise<void> = async () => {}

export function setCsrfToken(token: string): void {
  csrfToken = token
}

/** The site that calls are about; empty: the one that was signed in to. */
export function setSite(name: string): void {
  site = name
}

export function chosenSite(): string {
  return site
}

/** What to do when a call is refused with 401 or 403, and how to get a fresh CSRF token. */
export function onSession(refused: (status: number) => void, renew: () => Promise<void>): void {
  whenRefused = refused
  renewToken = renew
}

function queryOf(args: Record<string, Argument>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined || value === null) continue
    query.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  const text = query.toString()
  return text ? `?${text}` : ''
}

function textOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return ''
  const answer = body as { message?: unknown; _server_messages?: unknown }
  if (typeof answer.message === 'string') return answer.message
  return typeof answer._server_messages === 'string' ? frappeText(answer._server_messages) : ''
}

/** What Frappe itself says when it refuses a call: a list of messages, each JSON in JSON, with HTML in their text. */
function frappeText(told: string): string {
  try {
    const texts = (JSON.parse(told) as string[]).map((one) => (JSON.parse(one) as { message?: unknown }).message)
    const html = texts.filter((one) => typeof one === 'string').join(' ')
    return new DOMParser().parseFromString(html, 'text/html').body.textContent?.trim() ?? ''
  } catch {
    return '' // Not as Frappe writes it; the status alone tells enough then.
  }
}

async function failure(response: Response): Promise<ApiError> {
  let body: unknown = null
  try {
    body = await response.json()
  } catch {
    // A proxy in between answers with HTML; the status alone tells enough then.
  }
  const wait = Number(response.headers.get('Retry-After'))
  const kind = (body as { exc_type?: string } | null)?.exc_type ?? `HTTP${response.status}`
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null
  return new ApiError(textOf(body) || `HTTP ${response.status}`, response.status, kind, retryAfter)
}

async function send(method: string, init: RequestInit, options: CallOptions, query = ''): Promise<Response> {
  const deadline = AbortSignal.timeout(options.timeout ?? 20_000)
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline
  try {
    const response = await fetch(`/api/method/${method}${query}`, {
      credentials: 'same-origin',
      cache: 'no-store',
      ...init,
      signal,
      headers: { Accept: 'application/json', ...(site && { 'X-Frappe-Site-Name': site }), ...init.headers },
    })
    noteAnswer(response)
    return response
  } catch (error) {
    if (options.signal?.aborted) throw error
    online.value = false
    throw new ApiError(deadline.aborted ? 'timeout' : 'no connection', 0, 'NoConnection')
  }
}

async function answerOf<T>(response: Response): Promise<T> {
  if (!response.ok) {
    const error = await failure(response)
    if (error.status === 401 || error.status === 403) whenRefused(error.status)
    throw error
  }
  const body = (await response.json()) as { message: T }
  return body.message
}

/** Reads: the answer's `message`. */
export async function read<T>(method: string, options: CallOptions = {}): Promise<T> {
  return answerOf<T>(await send(method, { method: 'GET' }, options, queryOf(options.args ?? {})))
}

async function post(method: string, options: CallOptions): Promise<Response> {
  // Not sent, and not sent later either: what was true when it was pressed may not be any more.
  if (navigator.onLine === false) throw new ApiError('offline', 0, 'Offline')
  return send(
    method,
    {
      method: 'POST',
      body: JSON.stringify(options.args ?? {}),
      headers: { 'Content-Type': 'application/json', 'X-Frappe-CSRF-Token': csrfToken },
    },
    options,
  )
}

/** Writes: as `read`. A token that has aged is renewed once and the call repeated. */
export async function write<T>(method: string, options: CallOptions = {}): Promise<T> {
  const response = await post(method, options)
  if (response.status === 400) {
    const error = await failure(response)
    if (error.kind !== 'CSRFTokenError') throw error
    await renewToken()
    return answerOf<T>(await post(method, options))
  }
  return answerOf<T>(response)
}

/** Sign-in and sign-out: their answers are not wrapped alike on both hosts, and a 401 means "wrong password". */
export async function postPlain<T>(method: string, args: Record<string, Argument>): Promise<T> {
  const response = await post(method, { args })
  if (!response.ok) throw await failure(response)
  const body = (await response.json()) as T & { message?: unknown }
  return typeof body.message === 'object' && body.message !== null ? (body.message as T) : body
}
