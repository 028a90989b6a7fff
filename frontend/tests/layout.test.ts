import { expect, test } from 'vitest'
import { bottomOf, COLUMNS, compact, freePlace, inOrder, moved, overlap, reordered, resized, stepped, type Direction, type Placed } from '../src/panels/layout'

/** A small generator of its own, so that a failure can be repeated. */
function random(seed: number): (most: number) => number {
  let state = seed * 2654435761 + 1
  return (most) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0
    return state % most
  }
}

function some(seed: number): Placed[] {
  const next = random(seed)
  return Array.from({ length: 1 + next(14) }, (_, i) => ({ id: `p${i}`, x: next(COLUMNS + 3) - 1, y: next(20), w: 1 + next(COLUMNS), h: 1 + next(6) }))
}

/** What is wrong with a layout; empty when nothing is. An expectation for each pair would take minutes. */
function wrong(items: readonly Placed[], before: readonly Placed[]): string {
  if (items.map((one) => one.id).join() !== before.map((one) => one.id).join()) return 'other panels'
  for (const [i, one] of items.entries()) {
    if (one.x < 0 || one.x + one.w > COLUMNS || one.y < 0 || one.h < 1 || one.w < 1) return `${one.id} is not within the grid`
    const above = { ...one, y: one.y - 1 }
    if (one.y > 0 && !items.some((other) => other.id !== one.id && overlap(other, above))) return `${one.id} hangs in the air`
    if (items.slice(i + 1).some((other) => overlap(one, other))) return `${one.id} lies over another`
  }
  return ''
}

const SEEDS = Array.from({ length: 300 }, (_, i) => i + 1)
const DIRECTIONS: Direction[] = ['left', 'right', 'up', 'down']

test('whatever is done, panels lie side by side, within the grid, and none hangs in the air', () => {
  for (const seed of SEEDS) {
    const next = random(seed + 7919)
    let items = compact(some(seed))
    expect(wrong(items, items), `seed ${seed}`).toBe('')
    for (let turn = 0; turn < 12; turn += 1) {
      const before = items
      const id = `p${next(items.length)}`
      const deed = next(4)
      if (deed === 0) items = moved(items, id, next(16) - 2, next(30) - 2)
      else if (deed === 1) items = resized(items, id, next(16), next(10), { w: 2, h: 2 })
      else if (deed === 2) items = stepped(items, id, DIRECTIONS[next(4)] ?? 'up')
      else items = reordered(items, id, next(2) ? 1 : -1)
      expect(wrong(items, before), `seed ${seed}, turn ${turn}`).toBe('')
    }
    expect(compact(items), `steady, seed ${seed}`).toEqual(items)
  }
})

test('what is given is not changed', () => {
  const items = compact(some(5))
  const copy = JSON.stringify(items)
  moved(items, 'p0', 3, 9)
  resized(items, 'p0', 1, 1)
  expect(JSON.stringify(items)).toBe(copy)
})

test('a free place is free, and rests upon something', () => {
  for (const seed of SEEDS) {
    const items = compact(some(seed))
    const next = random(seed)
    // As with a panel that has a place already: only its size counts.
    const place = freePlace(items, { x: 0, y: 0, w: 1 + next(COLUMNS), h: 1 + next(5) } as Placed)
    const all = [...items, { id: 'new', ...place }]
    expect(items.some((one) => overlap(one, place))).toBe(false)
    expect(compact(all)).toEqual(all)
    expect(place.y).toBeLessThanOrEqual(bottomOf(items))
  }
})

const at = (items: readonly Placed[], id: string) => items.find((one) => one.id === id)
const column: Placed[] = [
  { id: 'a', x: 0, y: 0, w: 6, h: 4 },
  { id: 'b', x: 0, y: 4, w: 6, h: 2 },
  { id: 'c', x: 6, y: 0, w: 6, h: 3 },
]

test('by keyboard a panel passes the next one, and comes back', () => {
  const down = stepped(column, 'a', 'down')
  expect(inOrder(down).map((one) => one.id)).toEqual(['b', 'c', 'a'])
  expect(at(down, 'a')).toMatchObject({ x: 0, y: 2 })
  expect(stepped(down, 'a', 'up')).toEqual(column)
  expect(stepped(column, 'b', 'down')).toEqual(column)
  expect(stepped(column, 'a', 'left')).toEqual(column)
})

test('dragged over another, it takes its place when it passes its middle', () => {
  expect(at(moved(column, 'a', 0, 1), 'a')).toMatchObject({ y: 0 })
  expect(at(moved(column, 'a', 0, 2), 'a')).toMatchObject({ y: 2 })
  expect(at(moved(column, 'b', 0, 1), 'b')).toMatchObject({ y: 0 })
})

test('a panel that grows pushes away what is below it, and is never too small to read', () => {
  const grown = resized(column, 'c', 6, 8)
  expect(at(grown, 'c')).toMatchObject({ h: 8 })
  expect(at(grown, 'b')).toMatchObject({ y: 4 })
  expect(at(resized(column, 'a', 1, 1, { w: 3, h: 2 }), 'a')).toMatchObject({ w: 3, h: 2 })
  expect(at(resized(column, 'c', 99, 3), 'c')).toMatchObject({ x: 6, w: 6 })
})
