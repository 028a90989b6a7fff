import { expect, test } from 'vitest'
import { peakOf, STEPS, stepOf } from '../src/charts/heat'
import { squarify } from '../src/charts/squarify'
import { argumentsOf, filtersOf, NO_FILTERS, queryOf } from '../src/views/errors/filters'
import { restoring } from '../src/views/errors/actions'
import { piecesOf } from '../src/views/errors/template'
import { ago, MOMENT, pattern } from './fixtures/errors'

/** A small generator, so that a failure can be repeated. */
function* random(seed: number): Generator<number> {
  let state = seed
  for (;;) {
    state = (state * 1664525 + 1013904223) % 4294967296
    yield state / 4294967296
  }
}

test('a treemap keeps proportions, stays within its space and does not overlap', () => {
  const numbers = random(7)
  const next = () => numbers.next().value as number
  for (let round = 0; round < 60; round += 1) {
    const values = Array.from({ length: 1 + Math.floor(next() * 25) }, () => 1 + Math.floor(next() ** 3 * 900)).sort((a, b) => b - a)
    const space = { x: next() * 50, y: next() * 50, width: 40 + next() * 900, height: 40 + next() * 500 }
    const total = values.reduce((sum, value) => sum + value, 0)
    const boxes = squarify(values, space)
    boxes.forEach((box, i) => {
      expect(box.width * box.height).toBeCloseTo(((values[i] ?? 0) / total) * space.width * space.height, 4)
      expect(box.x).toBeGreaterThanOrEqual(space.x - 1e-6)
      expect(box.x + box.width).toBeLessThanOrEqual(space.x + space.width + 1e-6)
      expect(box.y + box.height).toBeLessThanOrEqual(space.y + space.height + 1e-6)
      for (const other of boxes.slice(i + 1)) {
        const wide = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x)
        const high = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y)
        expect(Math.min(wide, high)).toBeLessThan(1e-6)
      }
    })
  }
})

test('even values become nearly square', () => {
  for (const box of squarify(Array(12).fill(1), { x: 0, y: 0, width: 400, height: 300 })) {
    expect(Math.max(box.width / box.height, box.height / box.width)).toBeLessThan(1.6)
  }
})

test('a treemap of nothing is nothing', () => {
  expect(squarify([], { x: 0, y: 0, width: 10, height: 10 })).toEqual([])
  expect(squarify([3], { x: 0, y: 0, width: 0, height: 10 })[0]).toMatchObject({ width: 0 })
})

test('a heat map tells none from few, and few from many', () => {
  expect([0, 1, 100].map((count) => stepOf(count, 100))).toEqual([0, 1, STEPS])
  expect(stepOf(null, 100)).toBe(0)
  expect(stepOf(1, 1_000_000)).toBe(1)
  expect(peakOf([[null, 0], [3, 9]])).toEqual({ weekday: 1, hour: 1, count: 9 })
  expect(peakOf([[null, 0]])).toBeNull()
})

test('placeholders are told from text, and nothing is lost', () => {
  const template = 'a <id> < 3 and <url mail.example.test> <Script> >x<n>'
  const pieces = piecesOf(template)
  expect(pieces.filter((piece) => piece.slot).map((piece) => piece.text)).toEqual(['id', 'url mail.example.test', 'n'])
  expect(pieces.map((piece) => (piece.slot ? `<${piece.text}>` : piece.text)).join('')).toBe(template)
})

test('filters survive the address, whatever stands in it', () => {
  const filters = { ...NO_FILTERS, hours: 720, search: 'a & b', area: 'erpnext: Sales Invoice', state: 'all', tab: 'where' as const }
  expect(filtersOf(queryOf(filters) as Record<string, string>, 720)).toEqual(filters)
  // The span of time is the page's own.
  expect(queryOf(NO_FILTERS)).toEqual({ range: '24h' })
  expect(filtersOf({ hours: '7', tab: 'x', sort: ['count'], search: null }, 24)).toEqual(NO_FILTERS)
  expect(argumentsOf(NO_FILTERS, 25)).toEqual({ hours: 24, state: 'open,regressed', sort: 'count', limit: 25 })
})

test('what undo asks for puts each pattern back', () => {
  const before = [
    pattern(0),
    pattern(1, { state: 'regressed' }),
    pattern(2, { state: 'muted', muted_until: ago(-2.5), muted_above: 40, note: 'n' }),
    pattern(3, { state: 'muted', muted_above: 12 }),
  ]
  expect(restoring(before, MOMENT).map((step) => step.args)).toEqual([
    { patterns: '0000000000000001,0000000000000002', state: 'open', note: '', hours: 0, above: 0 },
    { patterns: '0000000000000003', state: 'muted', note: 'n', hours: 3, above: 40 },
    { patterns: '0000000000000004', state: 'muted', note: '', hours: 0, above: 12 },
  ])
})
