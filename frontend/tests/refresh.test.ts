import { mount } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { ApiError } from '../src/api/client'
import { chooseRefresh, DEFAULT_REFRESH } from '../src/preferences'
import type { Topic } from '../src/live'
import { CHANGE_MS, JITTER_MS, retryDelay, useRefresh, type Refresh } from '../src/refresh'
import { session } from '../src/session'
import { hide, Streams } from './fixtures/streams'

const away = () => new ApiError('no connection', 0, 'NoConnection')

function start(load: (force: boolean, signal: AbortSignal) => Promise<void>, topics?: Topic[]): Refresh {
  let refresh!: Refresh
  mount(
    defineComponent({
      setup() {
        refresh = useRefresh(load, topics)
        return () => h('div')
      },
    }),
  )
  return refresh
}

beforeEach(() => {
  vi.useFakeTimers()
  session.value = null
  chooseRefresh(DEFAULT_REFRESH)
  hide(false)
})

test('loads at once, then every five minutes by default', async () => {
  const load = vi.fn(async () => {})
  start(load)
  await vi.advanceTimersByTimeAsync(0)
  expect(load).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(299_000)
  expect(load).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(load).toHaveBeenCalledTimes(2)
})

test('another interval holds at once and is remembered; never is never', async () => {
  const load = vi.fn(async () => {})
  start(load)
  await vi.advanceTimersByTimeAsync(0)
  chooseRefresh(10)
  await vi.advanceTimersByTimeAsync(10_500)
  expect(load).toHaveBeenCalledTimes(2)
  expect(localStorage.getItem('baken.refresh')).toBe('10')
  chooseRefresh(0)
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(load).toHaveBeenCalledTimes(2)
})

test('a hidden tab asks nothing; shown again it catches up', async () => {
  const load = vi.fn(async () => {})
  start(load)
  await vi.advanceTimersByTimeAsync(0)
  hide(true)
  await vi.advanceTimersByTimeAsync(900_000)
  expect(load).toHaveBeenCalledTimes(1)
  hide(false)
  await vi.advanceTimersByTimeAsync(0)
  expect(load).toHaveBeenCalledTimes(2)
})

test('while the server is away it waits longer each time, and recovers', async () => {
  let gone = false
  const load = vi.fn(async () => {
    if (gone) throw away()
  })
  const refresh = start(load)
  await vi.advanceTimersByTimeAsync(0)
  gone = true
  await refresh.refreshNow()
  expect(refresh.awaySince.value).not.toBeNull()
  expect(refresh.lastAt.value).not.toBeNull()
  const calls = load.mock.calls.length
  await vi.advanceTimersByTimeAsync(retryDelay(1) + retryDelay(2))
  expect(load.mock.calls.length).toBe(calls + 2)
  gone = false
  await vi.advanceTimersByTimeAsync(retryDelay(3))
  expect(refresh.awaySince.value).toBeNull()
  expect(retryDelay(20)).toBe(60_000)
})

test('a newer refresh aborts the older one, whose answer no longer counts', async () => {
  const signals: AbortSignal[] = []
  const refresh = start((_force, signal) => {
    signals.push(signal)
    return signals.length === 1
      ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      : Promise.resolve()
  })
  await refresh.refreshNow()
  expect(signals[0]?.aborted).toBe(true)
  expect(refresh.failure.value).toBeNull()
  expect(refresh.lastAt.value).not.toBeNull()
})

async function listening(load: () => Promise<void>): Promise<Streams> {
  const streams = new Streams()
  const more = { full_name: 'A', roles: [], site: 'a.test', sites: ['a.test'], csrf_token: 'c', live: true }
  session.value = { user: 'a@example.test', ...more }
  start(load, ['alerts'])
  await vi.advanceTimersByTimeAsync(0)
  streams.last.say('hello', {})
  return streams
}

test('a change that matters reloads, at most every two seconds', async () => {
  const load = vi.fn(async () => {})
  const streams = await listening(load)
  expect(load).toHaveBeenCalledTimes(1)
  for (let n = 0; n < 5; n += 1) streams.last.say('changed', { topics: ['alerts'] })
  await vi.advanceTimersByTimeAsync(CHANGE_MS - 1)
  expect(load).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(JITTER_MS + 1)
  expect(load).toHaveBeenCalledTimes(2)
  streams.last.say('changed', { topics: ['figures'] })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(load).toHaveBeenCalledTimes(2)
  streams.last.say('changed', { topics: ['alerts'] })
  await vi.advanceTimersByTimeAsync(JITTER_MS + 1)
  expect(load).toHaveBeenCalledTimes(3)
})

test('never is never: changes reload nothing then', async () => {
  const load = vi.fn(async () => {})
  const streams = await listening(load)
  chooseRefresh(0)
  streams.last.say('changed', { topics: ['alerts'] })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(load).toHaveBeenCalledTimes(1)
})

test('a change during a load lets it finish, and loads once more', async () => {
  let finish = () => {}
  const load = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)))
  const streams = await listening(load)
  for (let n = 0; n < 3; n += 1) {
    streams.last.say('changed', { topics: ['alerts'] })
    await vi.advanceTimersByTimeAsync(CHANGE_MS)
  }
  expect(load).toHaveBeenCalledTimes(1)
  finish()
  await vi.advanceTimersByTimeAsync(JITTER_MS + 1)
  expect(load).toHaveBeenCalledTimes(2)
  finish()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(load).toHaveBeenCalledTimes(2)
})

test('the interval goes on beside the changes', async () => {
  const load = vi.fn(async () => {})
  await listening(load)
  await vi.advanceTimersByTimeAsync(DEFAULT_REFRESH * 1000 + 1000)
  expect(load).toHaveBeenCalledTimes(2)
})
