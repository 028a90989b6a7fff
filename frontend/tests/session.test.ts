import { flushPromises } from '@vue/test-utils'
import { expect, test, vi } from 'vitest'
import { read } from '../src/api/client'
import { session, watchSession } from '../src/session'
import { serve } from './fixtures/server'

const ACCOUNT = { user: 'a@example.test', full_name: 'A', roles: [], site: 's', sites: ['s'], csrf_token: 'c' }
const REFUSED = { status: 403, body: { exc_type: 'PermissionError', message: 'no' } }

test.each([
  ['the session has ended', { status: 401 }, REFUSED, true],
  ['nobody is signed in any more', REFUSED, REFUSED, true],
  ['one thing is not allowed', REFUSED, { message: ACCOUNT }, false],
])('a refusal because %s', async (_why, answer, asked, left) => {
  session.value = { ...ACCOUNT }
  const leave = vi.fn()
  watchSession(leave)
  serve({ act: answer, 'baken.get_session': asked })
  await expect(read('act')).rejects.toThrow()
  await flushPromises()
  expect(leave).toHaveBeenCalledTimes(left ? 1 : 0)
  expect(session.value === null).toBe(left)
})
