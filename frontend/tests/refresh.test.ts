import { mount } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { ApiError } from '../src/api/client'
import { chooseRefresh, DEFAULT_REFRESH } from '../src/preferences'
import { retryDelay, useRefresh, type Refresh } from '../src/refresh'

const away = () => new ApiError('no connection', 0, 'NoConnection')

function start(load: (force: boolean, signal: AbortSignal) => Promise<void>): Refresh {
  let refresh!: Refresh
  mount(
    defineComponent({
      setup() {
        refresh = useRefresh(load)
        return () => h('div')
      },
    }),
  )
  return refresh
}

function hide(hidden: boolean): void {
  Object.defineProperty(document, 'hidden', { configurable: true, value: hidden })
  document.dispatchEvent(new Event('visibilitychange'))
}

beforeEach(() => {
  vi.useFakeTimers()
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
