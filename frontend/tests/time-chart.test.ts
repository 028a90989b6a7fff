import { mount, type VueWrapper } from '@vue/test-utils'
import { nextTick } from 'vue'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import BarsChart from '../src/components/charts/BarsChart.vue'
import HeatChart from '../src/components/charts/HeatChart.vue'
import TimeChart from '../src/components/charts/TimeChart.vue'
import TreeChart from '../src/components/charts/TreeChart.vue'
import { pointed } from '../src/charts/sync'
import * as save from '../src/charts/save'
import type { Line, Mark, Point } from '../src/charts/types'

const shown: { option: Record<string, any>; size: { width: number; height: number } }[] = []
let arrives = true
vi.mock('../src/charts/engine', () => ({
  draw: () => {
    if (!arrives) throw new Error('no canvas')
    return { show: (option: Record<string, any>, size: { width: number; height: number }) => void shown.push({ option, size }), picture: () => document.createElement('canvas'), dispose: () => {} }
  },
}))

const MINUTE = 60_000
const START = Date.UTC(2026, 2, 1)
const points = (values: (number | null)[]): Point[] => values.map((value, i) => [START + i * MINUTE, value])
const lines: Line[] = [{ name: 'long', points: points([1, 2, null, 4, 5]) }, { name: 'short', points: points([10, 20, 30, 40, 50]) }]
const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: {} }, { path: '/alerts/:number', name: 'alert', component: {} }, { path: '/e/:pattern', name: 'error-pattern', component: {} }] })

beforeEach(() => {
  shown.length = 0
  arrives = true
  pointed.value = null
  // Elements have no size here; the chart needs one to place anything.
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(640)
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(200)
  vi.stubGlobal('IntersectionObserver', undefined)
})

async function open(props: Record<string, unknown> = {}): Promise<VueWrapper> {
  const page = mount(TimeChart, { props: { title: 'Jobs waiting', lines, unit: 'jobs', from: START, to: START + 4 * MINUTE, zone: 'UTC', ...props } as InstanceType<typeof TimeChart>['$props'], global: { plugins: [router] }, attachTo: document.body })
  await vi.waitFor(() => expect(shown.length || !arrives).toBeTruthy())
  await nextTick()
  return page as VueWrapper
}
const field = (page: VueWrapper) => page.get('.field')
const live = (page: VueWrapper) => page.get('[aria-live]').text()
const button = (page: VueWrapper, name: string) => {
  const found = page.findAll('button').find((one) => one.text() === name)
  if (!found) throw new Error(`no button ${name}: ${page.findAll('button').map((one) => one.text()).join(' | ')}`)
  return found
}

test('it is drawn with its size, and says its range, its last figure and what happened without being seen', async () => {
  const marks: Mark[] = [{ at: START + MINUTE, end: null, title: 'Too many', icon: 'critical', tone: 'critical', kind: 'Incident', to: { name: 'alert', params: { number: '12' } } }]
  const page = await open({ lines: lines.slice(0, 1), marks, limit: 4 })
  expect(shown.at(-1)?.size).toEqual({ width: 640, height: 200 })
  expect(field(page).attributes('aria-label')).toMatch(/^Jobs waiting\. between 1 and 5, last 5 \(.+\)\. limit 4\. 1 incident\.$/)
  expect(page.get('.flag a').attributes()).toMatchObject({ href: '/alerts/12' })
  expect(page.get('.flag a').attributes('aria-label')).toMatch(/^Incident: Too many, /)
  expect(page.get('.notes li').text()).toMatch(/^Too many since /)
})

test('by keyboard it goes from point to point and tells the figures', async () => {
  const page = await open()
  await field(page).trigger('keydown', { key: 'ArrowLeft' })
  expect(live(page)).toBe('1 Mar 2026, 00:04:00. long: 5. short: 50')
  await field(page).trigger('keydown', { key: 'ArrowLeft' })
  await field(page).trigger('keydown', { key: 'ArrowLeft' })
  expect(live(page)).toBe('1 Mar 2026, 00:02:00. long: not measured. short: 30')
  await field(page).trigger('keydown', { key: 'Home' })
  expect(live(page)).toContain('00:00:00. long: 1')
  expect(page.get('.tip').text()).toContain('long1')
  await field(page).trigger('keydown', { key: 'Escape' })
  expect(page.find('.tip').exists()).toBe(false)
})

test('a moment pointed at in one chart shows in the others', async () => {
  const first = await open()
  const second = await open({ lines: lines.slice(0, 1), title: 'Another' })
  await field(first).trigger('keydown', { key: 'Home' })
  expect(second.find('.cross').exists()).toBe(true)
  expect(second.find('.tip').exists()).toBe(false)
  expect(second.get('.chip').text()).toBe('1')
})

test('looking closer by key shows it at once and asks for it after a pause; 0 shows all again', async () => {
  const page = await open()
  vi.useFakeTimers()
  await field(page).trigger('keydown', { key: '+' })
  await field(page).trigger('keydown', { key: '+' })
  expect(page.emitted('zoom')).toBeUndefined()
  vi.advanceTimersByTime(400)
  const [start, end] = (page.emitted('zoom') as [number, number][])[0] ?? [0, 0]
  expect((end - start) / (4 * MINUTE)).toBeCloseTo(0.64)
  await field(page).trigger('keydown', { key: '0' })
  expect(page.emitted('reset')).toHaveLength(1)
})

test('dragging selects, a click does not; the wheel needs Ctrl', async () => {
  const page = await open()
  const element = field(page).element as HTMLElement
  element.setPointerCapture = () => {}
  const at = (type: string, clientX: number) => field(page).trigger(type, { clientX, pointerType: 'mouse', button: 0, pointerId: 1 })
  await at('pointerdown', 200)
  await at('pointermove', 400)
  expect(page.find('.selection').exists()).toBe(true)
  await at('pointerup', 400)
  const [start, end] = (page.emitted('zoom') as [number, number][])[0] ?? [0, 0]
  expect(start).toBeGreaterThan(START)
  expect(end).toBeLessThan(START + 4 * MINUTE)
  await page.setProps({ from: START, to: START + 4 * MINUTE + 1 })
  await at('pointerdown', 300)
  await at('pointerup', 302)
  expect(page.emitted('zoom')).toHaveLength(1)
  expect(page.emitted('choose')).toHaveLength(1)
  vi.useFakeTimers()
  await field(page).trigger('wheel', { clientX: 300, deltaY: -1 })
  vi.advanceTimersByTime(500)
  expect(page.emitted('zoom')).toHaveLength(1)
  await field(page).trigger('wheel', { clientX: 300, deltaY: -1, ctrlKey: true })
  vi.advanceTimersByTime(500)
  expect(page.emitted('zoom')).toHaveLength(2)
})

test('two fingers spread the time between them', async () => {
  const page = await open()
  const at = (type: string, pointerId: number, clientX: number) => field(page).trigger(type, { clientX, pointerType: 'touch', pointerId })
  await at('pointerdown', 1, 250)
  await at('pointerdown', 2, 350)
  await at('pointermove', 2, 450)
  await at('pointerup', 1, 250)
  await at('pointerup', 2, 450)
  const [start, end] = (page.emitted('zoom') as [number, number][])[0] ?? [0, 0]
  expect((end - start) / (4 * MINUTE)).toBeCloseTo(0.5, 1)
})

test('the table has every figure, the newest first, and files are offered', async () => {
  const files: [string, string][] = []
  vi.spyOn(save, 'saveFile').mockImplementation((name, content) => void content.text().then((text) => files.push([name, text])))
  const page = await open({ name: 'frappe_queue_length' })
  await button(page, 'Show as table').trigger('click')
  expect(page.findAll('thead th').map((one) => one.text())).toEqual(['Time', 'long', 'short'])
  expect(page.findAll('tbody tr').map((row) => row.findAll('td').map((cell) => cell.text()))[2]).toEqual(['not measured', '30'])
  expect(page.find('.field').exists()).toBe(false)
  await button(page, 'Download as CSV').trigger('click')
  await vi.waitFor(() => expect(files).toHaveLength(1))
  expect(files[0]?.[0]).toBe('baken_frappe_queue_length_20260301-0000_20260301-0004.csv')
  expect(files[0]?.[1].split('\r\n')[3]).toBe('2026-03-01T00:02:00.000Z,,30')
  await button(page, 'Show as chart').trigger('click')
  expect(page.find('.field').exists()).toBe(true)
})

test('a line can be hidden and shown by its name, and with Shift shown alone', async () => {
  const page = await open()
  const [long, short] = page.findAll('.legend button')
  expect(long?.text()).toContain('5')
  await long?.trigger('click')
  expect(long?.attributes('aria-pressed')).toBe('false')
  expect(shown.at(-1)?.option['series'].filter((one: { type: string }) => one.type === 'line').map((one: { name: string }) => one.name)).toEqual(['short'])
  await short?.trigger('click')
  // Nothing at all would be no chart.
  expect(page.findAll('.legend .off')).toHaveLength(0)
  await short?.trigger('click', { shiftKey: true })
  expect(page.findAll('.legend .off')).toHaveLength(1)
})

test('help is told on request, and loading, failed and absent are shown as such', async () => {
  const page = await open({ help: 'How many jobs wait.' })
  const ask = button(page, 'What does “Jobs waiting” mean?')
  expect(ask.attributes('aria-expanded')).toBe('false')
  await ask.trigger('click')
  expect(page.get('.help').text()).toBe('How many jobs wait.')
  await page.setProps({ absent: 'Redis was not reached.' })
  expect(page.text()).toContain('Redis was not reached.')
  expect(page.find('.field').exists()).toBe(false)
  expect(page.findAll('button').some((one) => one.text() === 'Download as CSV')).toBe(false)
  await page.setProps({ absent: null, loaded: false, error: 'too busy' })
  await button(page, 'Try again').trigger('click')
  expect(page.emitted('retry')).toHaveLength(1)
  await page.setProps({ error: null })
  expect(page.text()).toContain('Loading…')
  await page.setProps({ loaded: true, error: 'too busy' })
  expect(page.text()).toContain('The last known figures are shown.')
  expect(page.find('.field').exists()).toBe(true)
})

test('without the library the figures are a table', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  arrives = false
  const page = await open()
  await vi.waitFor(() => expect(page.text()).toContain('The chart cannot be drawn here'))
  expect(page.findAll('tbody tr')).toHaveLength(5)
})

test('stretches that were not measured or not usual are told in words, many of them on request', async () => {
  const bands = [1, 2, 3].map((i) => ({ kind: i === 1 ? ('gap' as const) : ('unusual' as const), start: START + i * MINUTE, end: START + (i + 0.5) * MINUTE, text: i === 1 ? 'Not measured: Baken did not run' : 'Higher than usual' }))
  const page = await open({ bands })
  const more = page.get('.notes .more')
  expect(more.text()).toBe('2 unusual stretches, 1 gap')
  await more.trigger('click')
  expect(page.findAll('.notes li')).toHaveLength(3)
  await field(page).trigger('keydown', { key: 'Home' })
  await field(page).trigger('keydown', { key: 'ArrowRight' })
  expect(live(page)).toContain('Not measured: Baken did not run')
})

test('bars: a bar is chosen by pressing it and by Enter, and told with what it counts', async () => {
  const starts = Array.from({ length: 24 }, (_, i) => new Date(START + i * 60 * MINUTE).toISOString())
  const page = mount(BarsChart, { props: { title: 'Errors per hour', starts, counts: starts.map((_, i) => (i === 3 ? null : i)), choosable: true }, global: { plugins: [router] }, attachTo: document.body }) as unknown as VueWrapper
  await vi.waitFor(() => expect(shown.length).toBeGreaterThan(0))
  expect(field(page).attributes('aria-label')).toMatch(/^Errors per hour\. 273 in all, at most 23 \(/)
  await field(page).trigger('keydown', { key: 'End' })
  expect(live(page)).toMatch(/23 errors$/)
  await field(page).trigger('keydown', { key: 'Enter' })
  expect(page.emitted('choose')).toEqual([[23]])
  expect(page.get('.notes').text()).toContain('Not measured')
})

test('hours of the week: cell by cell with the arrow keys, as table and file', async () => {
  const grid = Array.from({ length: 7 }, (_, day) => Array.from({ length: 24 }, (_, hour) => (day === 6 && hour === 23 ? null : day === 2 && hour === 9 ? 40 : 1)))
  const page = mount(HeatChart, { props: { title: 'Errors by weekday and hour', grid } })
  const map = page.get('.map')
  expect(map.attributes('aria-label')).toContain('Most on Wednesday at 09:00: 40.')
  await map.trigger('keydown', { key: 'ArrowRight' })
  expect(page.get('[aria-live]').text()).toBe('Wednesday 09:00–10:00: 40 errors')
  await map.trigger('keydown', { key: 'ArrowDown' })
  await map.trigger('keydown', { key: 'End' })
  await map.trigger('keydown', { key: 'PageDown' })
  expect(page.get('[aria-live]').text()).toBe('Sunday 23:00–00:00: not measured')
  await page.findAll('button').find((one) => one.text() === 'Show as table')?.trigger('click')
  expect(page.findAll('thead th')[1]?.text()).toBe('Mon')
  expect(page.findAll('tbody tr')).toHaveLength(24)
})

test('tiles lead to what they stand for, go by arrow key, and a branch can be shown alone', async () => {
  const leaf = (name: string, value: number) => ({ name, value, text: `${name}, ${value} errors`, to: { name: 'error-pattern', params: { pattern: name } } })
  const page = mount(TreeChart, { props: { title: 'Where', branches: [{ name: 'erpnext', leaves: [leaf('a', 40), leaf('b', 20)] }, { name: 'frappe', leaves: [leaf('c', 30)] }] }, global: { plugins: [router] }, attachTo: document.body })
  await nextTick()
  await nextTick()
  const tiles = () => page.findAll('a.tile')
  expect(tiles().map((one) => one.attributes('href'))).toEqual(['/e/a', '/e/b', '/e/c'])
  ;(tiles()[0]?.element as HTMLElement).focus()
  await tiles()[0]?.trigger('keydown', { key: 'ArrowRight' })
  expect(document.activeElement).toBe(tiles()[1]?.element)
  await page.get('button.head').trigger('click')
  expect(tiles()).toHaveLength(2)
  await button(page as unknown as VueWrapper, 'Show all again').trigger('click')
  expect(tiles()).toHaveLength(3)
})
