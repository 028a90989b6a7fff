import { beforeEach, expect, test, vi } from 'vitest'
import { chooseRange, chooseSpan, move, range, rangeArgs, rangeQuery, takeQuery, zoomed, zoomOut, zoomTo } from '../src/range'

const NOW = Date.parse('2026-03-04T12:00:00Z')
const HOUR = 3_600_000

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  chooseRange('24h')
})

test('a preset ends now and moves on with the time, without telling that another span was chosen', () => {
  const before = range.value
  expect([before.start, before.end]).toEqual([NOW - 24 * HOUR, NOW])
  vi.setSystemTime(NOW + HOUR)
  expect(range.value).toBe(before)
  expect(range.value.end).toBe(NOW + HOUR)
  expect(rangeArgs()).toEqual({ hours: 24 })
})

test('a span between two moments stands still', () => {
  chooseSpan(NOW - 5 * HOUR, NOW - 2 * HOUR)
  vi.setSystemTime(NOW + HOUR)
  expect(range.value).toMatchObject({ key: 'custom', live: false, hours: 3, start: NOW - 5 * HOUR, end: NOW - 2 * HOUR })
  expect(rangeArgs()).toEqual({ start: '2026-03-04T07:00:00.000Z', end: '2026-03-04T10:00:00.000Z' })
})

test('nothing is shown of the future, and never less than five minutes', () => {
  chooseSpan(NOW - HOUR, NOW + 10 * HOUR)
  expect(range.value.end).toBe(NOW)
  chooseSpan(NOW - 3 * HOUR, NOW - 3 * HOUR + 1000)
  expect(range.value.hours).toBeCloseTo(5 / 60)
  chooseSpan(NOW - 2 * HOUR, NOW - 4 * HOUR)
  expect(range.value).toMatchObject({ start: NOW - 4 * HOUR, end: NOW - 2 * HOUR })
})

test('zooming out leads back step by step, and then shows twice as much', () => {
  zoomTo(NOW - 10 * HOUR, NOW - 6 * HOUR)
  zoomTo(NOW - 8 * HOUR, NOW - 7 * HOUR)
  expect(zoomed.value).toBe(true)
  zoomOut()
  expect(range.value.hours).toBe(4)
  zoomOut()
  expect(range.value.key).toBe('24h')
  expect(zoomed.value).toBe(false)
  zoomOut()
  expect(range.value.hours).toBe(48)
})

test('moving goes by as much as is shown, and not beyond now', () => {
  move(-1)
  expect(range.value).toMatchObject({ start: NOW - 48 * HOUR, end: NOW - 24 * HOUR })
  move(1)
  expect(range.value.end).toBe(NOW)
  move(1)
  expect(range.value.end).toBe(NOW)
})

test('an address says the span, and a foolish one says nothing', () => {
  chooseRange('7d')
  expect(rangeQuery()).toEqual({ range: '7d' })
  chooseSpan(NOW - 5 * HOUR, NOW - 2 * HOUR)
  const query = rangeQuery()
  chooseRange('1h')
  takeQuery(query)
  expect(range.value.hours).toBe(3)
  takeQuery({ range: 'toString' })
  takeQuery({ from: 'yesterday', to: '2026-03-04' })
  takeQuery({})
  expect(range.value.hours).toBe(3)
  takeQuery({ range: '30d' })
  expect(range.value.key).toBe('30d')
})

test('a preset is remembered for the next visit', () => {
  chooseRange('90d')
  expect(localStorage.getItem('baken.range')).toBe('90d')
})
