import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FIRST_TRY_MS, GOOD_MS, GREETING_MS, LAST_TRY_MS, liveState, onChange, tryDelay, type Topic } from '../src/live'
import { session } from '../src/session'
import { hide, Streams } from './fixtures/streams'

const ACCOUNT = {
  user: 'a@example.test', full_name: 'A', roles: [], site: 'a.test', sites: ['a.test', 'b test'], csrf_token: 'c', live: true,
}
let streams: Streams
let ends: (() => void)[] = []
let told: Topic[][] = []

function listen(...topics: Topic[]): () => void {
  const end = onChange(topics, (met) => told.push([...met]))
  ends.push(end)
  return end
}

beforeEach(() => {
  vi.useFakeTimers()
  streams = new Streams()
  told = []
  hide(false)
  session.value = { ...ACCOUNT }
})
afterEach(() => {
  for (const end of ends) end()
  ends = []
  session.value = null
})

test('one stream for the page, for the chosen site, while somebody listens', () => {
  expect(streams.all).toHaveLength(0)
  const first = listen('figures')
  const second = listen('alerts')
  expect(streams.all.map((each) => each.url)).toEqual(['/api/method/baken.get_changes?site=a.test'])
  first()
  expect(streams.open).toHaveLength(1)
  second()
  expect(streams.open).toHaveLength(0)
})

test('a host that does not offer it is not asked', () => {
  session.value = { ...ACCOUNT, live: undefined }
  listen('figures')
  expect(streams.all).toHaveLength(0)
  expect(liveState.value).toBe('polling')
})

test('who listens hears of what was asked for', () => {
  listen('figures', 'errors')
  expect(liveState.value).toBe('polling')
  streams.last.say('hello', { site: 'a.test' })
  expect(liveState.value).toBe('live')
  streams.last.say('changed', { topics: ['alerts'] })
  expect(told).toEqual([])
  streams.last.say('changed', { topics: ['figures', 'alerts', 'what'] })
  streams.last.say('changed', { topics: ['errors', 'figures'] })
  expect(told).toEqual([['figures'], ['figures', 'errors']])
})

test.each(['nonsense', '[]', 'null', '{"topics": "figures"}', '{}'])('an event that says %s does nothing', (text) => {
  listen('figures')
  streams.last.say('hello', {})
  streams.last.sayText('changed', text)
  streams.last.sayText('end', text)
  expect(told).toEqual([])
})

test('another site is another stream, and what was heard of the first counts no more', () => {
  listen('figures')
  const first = streams.last
  first.say('hello', {})
  session.value = { ...ACCOUNT, site: 'b test' }
  expect(first.closed).toBe(true)
  expect(streams.last.url).toBe('/api/method/baken.get_changes?site=b%20test')
  first.say('changed', { topics: ['figures'] })
  streams.last.say('hello', {})
  expect(told).toEqual([])
  session.value = null
  expect(streams.open).toHaveLength(0)
  expect(liveState.value).toBe('polling')
})

test('a hidden tab listens to nothing; shown again it hears that it missed something', () => {
  listen('figures', 'alerts')
  streams.last.say('hello', {})
  hide(true)
  expect(streams.open).toHaveLength(0)
  expect(liveState.value).toBe('polling')
  hide(false)
  expect(streams.open).toHaveLength(1)
  expect(told).toEqual([])
  streams.last.say('hello', {})
  expect(told).toEqual([['figures', 'alerts']])
})

test('where it does not work it is tried again, later each time, and silently', async () => {
  listen('figures')
  for (let tries = 1; tries <= 6; tries += 1) {
    expect(streams.all).toHaveLength(tries)
    streams.last.fail()
    expect(streams.open).toHaveLength(0)
    expect(liveState.value).toBe('polling')
    await vi.advanceTimersByTimeAsync(tryDelay(tries) * 0.74)
    expect(streams.all).toHaveLength(tries)
    await vi.advanceTimersByTimeAsync(tryDelay(tries) * 0.52)
  }
  expect(tryDelay(1)).toBe(FIRST_TRY_MS)
  expect(tryDelay(60)).toBe(LAST_TRY_MS)
})

test('a stream that says nothing is none', async () => {
  listen('figures')
  await vi.advanceTimersByTimeAsync(GREETING_MS + 1)
  expect(streams.open).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(tryDelay(1) * 1.3)
  expect(streams.open).toHaveLength(1)
})

test('a stream that breaks is sought at once, and what came meanwhile is caught up with', async () => {
  listen('errors')
  streams.last.say('hello', {})
  await vi.advanceTimersByTimeAsync(GOOD_MS)
  streams.last.say('end', { reason: 'shutdown' })
  expect(liveState.value).toBe('away')
  await vi.advanceTimersByTimeAsync(tryDelay(1) * 1.3)
  streams.last.say('hello', {})
  expect(liveState.value).toBe('live')
  expect(told).toEqual([['errors']])
})

test('streams that are cut short again and again are tried less and less often', async () => {
  listen('errors')
  for (let tries = 1; tries <= 4; tries += 1) {
    streams.last.say('hello', {})
    await vi.advanceTimersByTimeAsync(1000)
    streams.last.fail()
    await vi.advanceTimersByTimeAsync(tryDelay(tries) * 0.74)
    expect(streams.all).toHaveLength(tries)
    await vi.advanceTimersByTimeAsync(tryDelay(tries) * 0.52)
    expect(streams.all).toHaveLength(tries + 1)
  }
})

test('a page that gave way to another does not take the place back until it is looked at again', async () => {
  listen('figures')
  streams.last.say('hello', {})
  streams.last.say('end', { reason: 'replaced' })
  expect(liveState.value).toBe('polling')
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(streams.open).toHaveLength(0)
  hide(true)
  hide(false)
  expect(streams.open).toHaveLength(1)
})

test('back on the network it does not wait', () => {
  listen('figures')
  streams.last.fail()
  window.dispatchEvent(new Event('online'))
  expect(streams.open).toHaveLength(1)
})
