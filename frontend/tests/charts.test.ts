import { beforeEach, describe, expect, test } from 'vitest'
import { barsOf } from '../src/charts/bars'
import { axisFigures, exactFigure } from '../src/charts/figures'
import { layoutOf } from '../src/charts/layout'
import { strokesOf, useLook } from '../src/charts/look'
import { appended, gapBands, lineOf, marksOf, moved, namesOf, summed, unusualBands, type Incident, type SeriesAnswer } from '../src/charts/metric'
import { optionOf, type Scene } from '../src/charts/option'
import { legendRows } from '../src/charts/picture'
import { aligned, broken, extentOf, momentsOf, nearest, ratesOf, stacked, valueAt, walk, zoomedBy } from '../src/charts/points'
import { scaleOf, timeTicks } from '../src/charts/scale'
import { barShapes, hatch, spreadShapes, stretchOf } from '../src/charts/shapes'
import { csvOf, fileName, sheetOf } from '../src/charts/sheet'
import { gatheredLeaves, groupsOf, MOST_LEAVES } from '../src/charts/tree'
import type { Band, Line, Point } from '../src/charts/types'
import { setLanguage } from '../src/i18n'
import { toSeries } from '../src/series'

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000
const START = Date.UTC(2026, 2, 1)
const every = (values: (number | null)[], step = MINUTE, start = START): Point[] => values.map((value, i) => [start + i * step, value])

describe('scales', () => {
  test('a scale has its limit in sight and round lines', () => {
    expect(scaleOf([3, 8, 42], 10, { whole: true })).toEqual({ low: 0, high: 60, ticks: [0, 20, 40, 60] })
    const near = scaleOf([0.91, 0.93], 0.9)
    expect(near.low).toBeLessThan(0.9)
    expect(near.low).toBeGreaterThan(0.8)
  })

  test('a line that never moves has a place as well', () => {
    for (const value of [0, 5, -3, 0.24]) {
      const scale = scaleOf([value, value], null)
      expect(scale.high).toBeGreaterThan(scale.low)
      expect(value).toBeGreaterThanOrEqual(scale.low)
      expect(value).toBeLessThanOrEqual(scale.high)
    }
    expect(scaleOf([], null)).toEqual({ low: 0, high: 1, ticks: [0, 1] })
  })

  test('what is drawn by its length begins at zero, also below it', () => {
    expect(scaleOf([900, 1000], null, { zero: true }).low).toBe(0)
    expect(scaleOf([-40, -10], null, { zero: true })).toMatchObject({ high: 0 })
    expect(scaleOf([900, 1000], null).low).toBeGreaterThan(0)
  })

  test('steps are of the unit: minutes and hours, yes and no, and never more than all', () => {
    expect(scaleOf([0, 5400], null, { unit: 'seconds' }).ticks).toEqual([0, 1800, 3600, 5400, 7200].slice(0, scaleOf([0, 5400], null, { unit: 'seconds' }).ticks.length))
    expect(scaleOf([1, 1], null, { unit: 'bool' }).ticks).toEqual([0, 1])
    expect(scaleOf([0.2, 0.99], null, { unit: 'ratio' }).high).toBe(1)
  })

  test('figures along an axis are told apart, and one that is looked up is exact', async () => {
    expect(axisFigures([0.24, 0.2405, 0.241], 'ratio')).toEqual(['24%', '24.05%', '24.1%'])
    expect(axisFigures([0, 0.5, 1], 'ratio')).toEqual(['0%', '50%', '100%'])
    expect(exactFigure(0.23789, 'ratio')).toBe('23.79%')
    await setLanguage('nl')
    expect(exactFigure(0.23789, 'ratio')).toBe('23,79%')
  })

  test('moments on the axis are round ones of the zone, a day is told where it begins', () => {
    const ticks = timeTicks(START + 17 * MINUTE, START + DAY, 8, 'UTC')
    expect(ticks.map(({ at }) => (at - START) / HOUR)).toEqual([3, 6, 9, 12, 15, 18, 21, 24])
    expect(ticks.at(-1)).toMatchObject({ major: true, text: '2 Mar' })
    expect(ticks[0]?.text).toBe('03:00')
    const amsterdam = timeTicks(START, START + 5 * DAY, 5, 'Europe/Amsterdam')
    expect(amsterdam.every(({ at }) => (at + HOUR - START) % DAY === 0)).toBe(true)
    expect(timeTicks(START, START + 400 * DAY, 6, 'UTC').some(({ major, text }) => major && text === '2027')).toBe(true)
  })

  test('days stay whole where the clock changes', () => {
    // On 29 March 2026 a day in Amsterdam has 23 hours.
    const ticks = timeTicks(Date.UTC(2026, 2, 27), Date.UTC(2026, 3, 1), 5, 'Europe/Amsterdam')
    expect(ticks.map(({ text }) => text)).toEqual(['28 Mar', '29 Mar', '30 Mar', '31 Mar', '1 Apr'].slice(0, ticks.length))
    expect((ticks[2]?.at ?? 0) - (ticks[1]?.at ?? 0)).toBe(23 * HOUR)
  })
})

describe('points', () => {
  test('a line breaks where nothing was measured, and nowhere else', () => {
    expect(broken(every([1, 2, null, 4]))).toEqual(every([1, 2, null, 4]))
    const jump: Point[] = [...every([1, 1, 1]), [START + 50 * MINUTE, 1]]
    expect(broken(jump).map(([, value]) => value)).toEqual([1, 1, 1, null, 1])
    // Two steps without a point are no gap by themselves, but they are where somebody says so.
    const two: Point[] = [...every([1, 1, 1]), [START + 5 * MINUTE, 1]]
    expect(broken(two)).toHaveLength(4)
    const gap: Band = { kind: 'gap', start: START + 2 * MINUTE, end: START + 5 * MINUTE, text: '' }
    expect(broken(two, [gap]).map(([, value]) => value)).toEqual([1, 1, 1, null, 1])
    expect(broken(two, [{ ...gap, kind: 'unusual' }])).toHaveLength(4)
  })

  test('the nearest point tells the figure, unless it is far', () => {
    const points = every([10, 20, 30])
    expect(nearest(points, START + 1.4 * MINUTE)).toBe(1)
    expect(nearest([], 5)).toBe(-1)
    expect(valueAt(points, START + 1.4 * MINUTE)).toBe(20)
    expect(valueAt(points, START + 20 * MINUTE)).toBeNull()
    expect(valueAt([], START)).toBeNull()
  })

  test('keys walk from point to point and stop at the ends', () => {
    expect([walk('ArrowLeft', 5, 30), walk('ArrowRight', 29, 30), walk('Home', 7, 30), walk('End', 7, 30)]).toEqual([4, 29, 0, 29])
    expect([walk('PageUp', 25, 30), walk('PageDown', 25, 30), walk('PageUp', 3, 30)]).toEqual([15, 29, 0])
    // The first key shows the newest.
    expect([walk('ArrowLeft', null, 30), walk('x', 3, 30), walk('Home', null, 0)]).toEqual([29, null, null])
  })

  test('lines stand on one another at the same moments; a missing figure is missing, not zero', () => {
    const lines: Line[] = [{ name: 'a', points: every([1, 2, 3]) }, { name: 'b', points: every([10, null, 30]).slice(1) }]
    const level = aligned(lines)
    expect(level[1]?.points.map(([, value]) => value)).toEqual([null, null, 30])
    expect(stacked(level)).toEqual([[1, 2, 3], [null, null, 33]])
    expect(momentsOf(lines, { from: START + MINUTE, to: START + 9 * MINUTE })).toHaveLength(2)
  })

  test('the lowest, highest and last within what is shown', () => {
    const found = extentOf(every([9, 1, null, 5, 7]), { from: START + MINUTE, to: START + 3 * MINUTE })
    expect(found).toMatchObject({ low: 1, high: 5, last: 5, lastAt: START + 3 * MINUTE })
    expect(extentOf(every([null]), { from: START, to: START + DAY })).toBeNull()
  })

  test('looking closer keeps the moment where it is, and ends at a minute', () => {
    const window = { from: START, to: START + DAY }
    const next = zoomedBy(window, 0.5, START + 6 * HOUR)
    expect((START + 6 * HOUR - next.from) / (next.to - next.from)).toBeCloseTo(0.25)
    const least = zoomedBy(window, 1e-9, START)
    expect(least.to - least.from).toBe(MINUTE)
  })
})

describe('what the library is told', () => {
  let scene: Scene
  const lines: Line[] = [
    { name: 'now', points: every([1, 2, null, 4, 5], HOUR), usual: every([1, 1, 1, 1, 1], HOUR).map(([at]) => [at, 1, 3]) },
    { name: 'before', points: every([2, 2, 2, 2, 2], HOUR), dashed: true },
  ]
  const window = { from: START, to: START + 4 * HOUR }
  function sceneOf(part: Partial<Scene> = {}): Scene {
    const look = useLook().value
    const chosen = part.lines ?? lines
    const layout = layoutOf({ width: 640, height: 200, lines: chosen, window, unit: 'jobs', kind: part.kind ?? 'line', limit: part.limit ?? null, flagged: false, zone: 'UTC', measure: (text) => text.length * 7 })
    return { layout, look, lines: chosen, strokes: strokesOf(chosen, look), window, kind: 'line', unit: 'jobs', bands: [], marks: [], limit: null, good: null, ...part }
  }
  const seriesOf = (given: Scene) => (optionOf(given) as { series: Record<string, any>[] }).series
  beforeEach(() => (scene = sceneOf()))

  test('nothing moves, gaps are not joined, and lines are told apart without colour', () => {
    const option = optionOf(scene) as Record<string, any>
    expect(option['animation']).toBe(false)
    const drawn = seriesOf(scene).filter((one) => one['type'] === 'line')
    expect(drawn.map((one) => one['connectNulls'])).toEqual([false, false])
    expect(drawn[0]?.['data'].some((point: unknown) => Array.isArray(point) && point[1] === null)).toBe(true)
    const many = strokesOf(Array.from({ length: 8 }, (_, i) => ({ name: `${i}`, points: [] })), scene.look)
    expect(new Set(many.map(({ dash }) => String(dash))).size).toBe(8)
    expect(new Set(many.map(({ colour }) => colour)).size).toBe(8)
  })

  test('a point without a neighbour is a dot', () => {
    const alone: Line[] = [{ name: 'a', points: every([null, 3, null]) }]
    const [line] = seriesOf(sceneOf({ lines: alone })).filter((one) => one['type'] === 'line')
    expect(line?.['data'][1]).toMatchObject({ symbol: 'circle' })
  })

  test('the plot stands where the layout says, and its axes have round figures', () => {
    const option = optionOf(scene) as Record<string, any>
    expect(option['grid']).toMatchObject({ left: scene.layout.plot.left, width: scene.layout.plot.width, outerBoundsMode: 'none' })
    expect(option['yAxis'].axisLabel.customValues).toEqual(scene.layout.scale.ticks)
    expect(option['yAxis'].axisLabel.formatter(scene.layout.scale.ticks[1])).toBe(scene.layout.figures[1])
    expect(scene.layout.at(scene.layout.x(START + HOUR))).toBeCloseTo(START + HOUR)
  })

  test('beyond the limit the line has the colour of what is wrong', () => {
    const own: Line[] = [{ name: 'a', points: every([1, 9]) }]
    const given = sceneOf({ lines: own, limit: 5, good: 'down' })
    const [line] = seriesOf(given).filter((one) => one['type'] === 'line')
    expect(line?.['lineStyle'].color.colorStops[0].color).toBe(given.look.tones.critical)
    const [up] = seriesOf(sceneOf({ lines: own, limit: 5, good: 'up' })).filter((one) => one['type'] === 'line')
    expect(up?.['lineStyle'].color.colorStops.at(-1).color).toBe(given.look.tones.critical)
  })

  test('stacked areas share their moments; what is compared is not part of the sum', () => {
    const drawn = seriesOf(sceneOf({ kind: 'stack' })).filter((one) => one['type'] === 'line')
    expect(drawn.map((one) => one['stack'])).toEqual(['all', undefined])
    expect(drawn[0]?.['areaStyle']).toBeTruthy()
    expect(drawn[1]?.['areaStyle']).toBeUndefined()
  })

  test('bars stand in the middle of what they count and on one another, and nothing counted is no bar', () => {
    const counted: Line[] = [{ name: 'n', points: every([3, 0, null, 1], HOUR) }, { name: 'm', points: every([1, 0, null, 0], HOUR) }]
    const { layout, look } = sceneOf({ kind: 'bars', lines: counted })
    const bars = barShapes(counted, { layout, look, colours: ['#111', '#222'], step: HOUR }).map((one) => one.shape as { x: number; y: number; width: number; height: number })
    expect(bars).toHaveLength(3)
    const [low, high] = bars
    expect((low?.x ?? 0) + (low?.width ?? 0) / 2).toBeCloseTo(layout.x(START + HOUR / 2))
    // The second stands on the first.
    expect((high?.y ?? 0) + (high?.height ?? 0)).toBeCloseTo(low?.y ?? 0)
    expect(low?.height).toBeCloseTo(layout.y(0) - layout.y(3))
  })

  test('shapes of a drawing before do not stay', () => {
    const custom = seriesOf(scene).filter((one) => one['type'] === 'custom')
    expect(custom.every((one) => one['renderItem']().$mergeChildren === false)).toBe(true)
  })

  test('hatching stays in its rectangle', () => {
    const numbers = [...hatch({ x: 10, y: 20, width: 30, height: 15 }).matchAll(/([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)])
    expect(numbers.length).toBeGreaterThan(4)
    for (const [x, y] of numbers) {
      expect(x).toBeGreaterThanOrEqual(9.9)
      expect(x).toBeLessThanOrEqual(40.1)
      expect(y).toBeGreaterThanOrEqual(19.9)
      expect(y).toBeLessThanOrEqual(35.1)
    }
  })

  test('a band breaks where nobody can say; a stretch is cut at the edges', () => {
    expect(spreadShapes([[START, 1, 2], [START + 1, 1, 2], [START + 2, null, null], [START + 3, 1, 2], [START + 4, 1, 3]], scene.layout, {})).toHaveLength(2)
    expect(stretchOf(scene.layout, START - DAY, START + DAY)).toEqual({ x: scene.layout.plot.left, width: scene.layout.plot.width })
    expect(stretchOf(scene.layout, START + DAY, START + 2 * DAY)).toBeNull()
  })
})

describe('metrics', () => {
  const answer = (part: Partial<SeriesAnswer> = {}): SeriesAnswer => ({ metric: 'm', unit: 'jobs', kind: 'gauge', start: START, end: START + 4 * MINUTE, step: 60, gaps: [], absent: null, series: [{ labels: {}, at: [0, 1, 2, 3].map((i) => START + i * MINUTE), value: [1, 2, 3, 4] }], ...part })

  test('a counter is told by how fast it grows; one that began anew tells nothing', () => {
    expect(ratesOf(every([0, 60, 180, 30])).map(([, value]) => value)).toEqual([1, 2, null])
    expect(ratesOf([...every([0, 60, 120]), [START + DAY, 9e6]]).at(-1)?.[1]).toBeNull()
    const line = lineOf({ labels: {}, at: [START, START + MINUTE], value: [0, 60], usual: { low: [0, 0], high: [1, 1], rate: true } }, 'n', true, { usual: true })
    expect(line.points).toEqual([[START + MINUTE, 1]])
    expect(line.usual).toHaveLength(2)
  })

  test('also in a small course', () => {
    const pairs = { series: [{ labels: {}, at: [0, 1, 2].map((i) => START + i * MINUTE), value: [0, 60, 180] }] }
    expect(toSeries({ ...pairs, kind: 'counter' })[0]?.value).toEqual([1, 2])
    expect(toSeries({ ...pairs, kind: 'gauge' })[0]?.value).toEqual([0, 60, 180])
  })

  test('label sets are told by what differs', () => {
    expect(namesOf([{ labels: { queue: 'long', site: 'a' } }, { labels: { queue: 'short', site: 'a' } }], 'Jobs')).toEqual(['long', 'short'])
    expect(namesOf([{ labels: {} }], 'Jobs')).toEqual(['Jobs'])
  })

  test('a sum is known where every part is', () => {
    expect(summed([{ name: 'a', points: every([1, 2, null]) }, { name: 'b', points: every([10, 20, 30]) }], 's').points.map(([, value]) => value)).toEqual([11, 22, null])
    expect(moved({ name: 'a', points: every([1]) }, DAY, 'a day before')).toEqual({ name: 'a day before', dashed: true, points: [[START + DAY, 1]] })
  })

  test('new points continue the known ones, and what left the span goes', () => {
    const more = answer({ start: START + 3 * MINUTE, end: START + 6 * MINUTE, series: [{ labels: {}, at: [3, 4, 5].map((i) => START + i * MINUTE), value: [40, 5, 6] }] })
    const joined = appended(answer(), more, START + 1.5 * MINUTE)
    expect(joined.series[0]?.value).toEqual([2, 3, 40, 5, 6])
    expect([joined.start, joined.end]).toEqual([START + 1.5 * MINUTE, START + 6 * MINUTE])
    // A label set that was not there before comes along; one that is gone stays with its past.
    const other = appended(answer(), { ...more, series: [{ labels: { queue: 'x' }, at: [START + 4 * MINUTE], value: [1] }] }, START)
    expect(other.series.map((series) => series.value.length)).toEqual([3, 1])
  })

  test('incidents are those of the metric and its labels, and those of the whole site', async () => {
    const incident = (part: Partial<Incident>): Incident => ({ number: 7, rule: 'R', title: { en: 'Too many', nl: 'Te veel' }, metric: 'm', metrics: ['m'], whole: false, labels: {}, severity: 'HIGH', status: 'Active', start: START, end: null, ...part })
    const of = (part: Partial<Incident>, labels?: Record<string, string>) => marksOf({ incidents: [incident(part)], releases: [], gaps: [] }, [{ metric: 'm', labels }]).length
    expect([of({}), of({ metric: 'n', metrics: ['n'] }), of({ metrics: ['n'], whole: true }), of({ labels: { queue: 'long' } }, { queue: 'short' }), of({ labels: { queue: 'long' } }, { queue: 'long' })]).toEqual([1, 0, 1, 0, 1])
    const [mark] = marksOf({ incidents: [incident({})], releases: [], gaps: [] }, [{ metric: 'm' }])
    expect(mark).toMatchObject({ title: 'Too many', end: null, to: { name: 'alert', params: { number: '7' } } })
    await setLanguage('nl')
    expect(marksOf({ incidents: [incident({})], releases: [], gaps: [] }, [{ metric: 'm' }])[0]?.title).toBe('Te veel')
  })

  test('gaps that two answers tell are one, and unusual stretches say in which direction', () => {
    expect(gapBands([{ start: 1, end: 5, reason: 'off' }, { start: 1, end: 5, reason: 'off' }, { start: 9, end: 12, reason: 'off' }])).toHaveLength(2)
    expect(unusualBands([{ labels: {}, at: [], value: [], unusual: [{ start: 1, end: 2, above: true }] }], ['n'])[0]?.text).toBe('Higher than usual')
  })
})

describe('files', () => {
  const lines: Line[] = [{ name: 'queue, long', points: every([1.5, null, 3]) }, { name: '=HYPERLINK()', points: every([1, 2, 3]).slice(1) }]
  const sheet = () => sheetOf({ name: 'frappe_queue_length', window: { from: START, to: START + 2 * MINUTE }, lines, unit: 'jobs' })

  test('a file reads the same in every language, and no name becomes a formula', async () => {
    const english = csvOf(sheet())
    await setLanguage('nl')
    expect(csvOf(sheet())).toBe(english)
    expect(english.split('\r\n')).toEqual([
      'time,"queue, long (jobs)",\'=HYPERLINK() (jobs)',
      '2026-03-01T00:00:00.000Z,1.5,',
      '2026-03-01T00:01:00.000Z,,2',
      '2026-03-01T00:02:00.000Z,3,3',
      '',
    ])
  })

  test('only what is shown is in it', () => {
    expect(sheetOf({ name: 'm', window: { from: START + MINUTE, to: START + MINUTE }, lines, unit: '' }).rows).toHaveLength(1)
    expect(sheetOf({ name: 'm', window: { from: START, to: START + DAY }, lines: [], unit: '' }).rows).toEqual([])
  })

  test('its name has the metric, the site and the span', () => {
    expect(fileName(sheet(), 'leden.example.test', 'csv')).toBe('baken_leden.example.test_frappe_queue_length_20260301-0000_20260301-0002.csv')
    expect(fileName({ name: 'één / twee: "drie"' }, null, 'png')).toBe('baken_een-twee-drie.png')
  })

  test('a legend goes on in the next row where there is no room', () => {
    expect(legendRows([100, 100, 100], 240)).toEqual([{ x: 0, row: 0 }, { x: 118, row: 0 }, { x: 0, row: 1 }])
  })
})

describe('counts and tiles', () => {
  test('bars begin where their hour begins, and what was not measured is a gap', () => {
    const bars = barsOf(['2026-03-01T00:00:00Z', '2026-03-01T01:00:00Z', '2026-03-01T02:00:00Z', '2026-03-01T03:00:00Z'], [{ name: 'errors', counts: [1, null, null, 0] }], { gapText: 'not measured' })
    expect(bars).toMatchObject({ from: START, to: START + 4 * HOUR, step: HOUR, zone: undefined })
    expect(bars.gaps).toEqual([{ kind: 'gap', start: START + HOUR, end: START + 3 * HOUR, text: 'not measured' }])
  })

  test("a site's day is told as it stands, whatever the reader's zone", () => {
    const bars = barsOf(['2026-03-01', '2026-03-02'], [{ name: 'errors', counts: [1, 2] }], { days: true, zone: 'Asia/Tokyo' })
    expect(bars).toMatchObject({ from: START, to: START + 2 * DAY, zone: 'UTC' })
    expect(barsOf(['2026-03-01T00:00:00+09:00'], [{ name: 'errors', counts: [1] }], { days: true, zone: 'Asia/Tokyo' }).zone).toBe('Asia/Tokyo')
  })

  test('the largest tiles stand by themselves, the rest as one', () => {
    const leaves = Array.from({ length: 60 }, (_, i) => ({ name: `${i}`, value: i, text: '' }))
    const found = gatheredLeaves(leaves, (rest, value) => ({ name: `rest of ${rest.length}`, value, text: '' }))
    expect(found).toHaveLength(MOST_LEAVES)
    expect(found.reduce((sum, leaf) => sum + leaf.value, 0)).toBe((59 * 60) / 2)
    const groups = groupsOf([{ name: 'b', leaves: found }, { name: 'a', leaves: [{ name: 'x', value: 5000, text: '' }] }, { name: 'none', leaves: [] }], { width: 600, height: 300 })
    expect(groups.map((group) => group.branch.name)).toEqual(['a', 'b'])
    for (const group of groups) for (const tile of group.tiles) expect(tile.y + tile.height).toBeLessThanOrEqual(group.height + 0.001)
  })
})
