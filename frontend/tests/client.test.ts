import { beforeEach, expect, test, vi } from 'vitest'
import { ApiError, onSession, read, setCsrfToken, write } from '../src/api/client'
import { serve } from './fixtures/server'

beforeEach(() => setCsrfToken('token-1'))

test('reading is a GET with its arguments in the address', async () => {
  const log = serve({ 'baken.get_series': { message: [1] } })
  expect(await read('baken.get_series', { args: { metric: 'a', labels: { kind: 'x' }, step: null } })).toEqual([1])
  expect(log[0]?.verb).toBe('GET')
  expect(log[0]?.query.get('labels')).toBe('{"kind":"x"}')
  expect(log[0]?.query.has('step')).toBe(false)
})

test('writing is a POST with the CSRF token; an aged token is renewed once', async () => {
  const log = serve({
    act: (asked) =>
      asked.headers['X-Frappe-CSRF-Token'] === 'token-2'
        ? { message: 'done' }
        : { status: 400, body: { exc_type: 'CSRFTokenError', message: 'aged' } },
  })
  onSession(vi.fn(), async () => setCsrfToken('token-2'))
  expect(await write('act', { args: { force: 1 } })).toBe('done')
  expect(log.map((asked) => asked.headers['X-Frappe-CSRF-Token'])).toEqual(['token-1', 'token-2'])
  expect(log[1]?.body).toEqual({ force: 1 })
})

test('a refusal carries the server’s words, status and waiting time', async () => {
  serve({ act: { status: 429, body: { exc_type: 'RateLimitError', message: 'Slow down' }, headers: { 'Retry-After': '30' } } })
  const error = await write('act').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({ message: 'Slow down', status: 429, kind: 'RateLimitError', retryAfter: 30, away: false })
})

test('no answer and a broken gateway both count as away', async () => {
  serve({ gone: new TypeError('Failed to fetch'), gateway: { status: 502 } })
  await expect(read('gone')).rejects.toMatchObject({ status: 0, away: true })
  await expect(read('gateway')).rejects.toMatchObject({ status: 502, away: true })
})

test('a 401 while reading is told to whoever keeps the session', async () => {
  const gone = vi.fn()
  onSession(gone, async () => {})
  serve({ act: { status: 401, body: { exc_type: 'AuthenticationError', message: 'Sign in' } } })
  await expect(read('act')).rejects.toMatchObject({ status: 401 })
  expect(gone).toHaveBeenCalledExactlyOnceWith(401)
})
