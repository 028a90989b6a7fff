import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { forgetCatalogue, metricHelp, metricTitle, metricUnit, useCatalogue } from '../src/catalogue'
import { forgetMarks } from '../src/charts/load'
import MetricChart from '../src/components/charts/MetricChart.vue'
import { setLanguage } from '../src/i18n'
import { chooseRange, range, zoomed } from '../src/range'
import { serve, type Asked } from './fixtures/server'

vi.mock('../src/charts/engine', () => ({ draw: () => ({ show: () => {}, picture: () => document.createElement('canvas'), dispose: () => {} }) }))

const NOW = Date.UTC(2026, 2, 2)
const STEP = 300_000
const CATALOGUE = [
  { metric: 'frappe_queue_length', domain: 'frappe', unit: 'jobs', help: 'Jobs that wait.', title: 'Jobs waiting', texts: { en: { title: 'Jobs waiting', help: 'Jobs that wait.' }, nl: { title: 'Wachtende taken', help: 'Taken die wachten.' } }, labels: ['queue'], every: 60, good: 'down', kind: 'gauge', scope: 'site' },
]
const SITE = { number: 12, rule: 'QUEUE', title: { en: 'Jobs wait in queue', nl: 'Taken wachten' }, metric: 'frappe_queue_length', metrics: ['frappe_queue_length'], whole: false, labels: { queue: 'long' }, severity: 'HIGH', status: 'Active', start: NOW - 3_600_000, end: null }

function series(asked: Asked, part: Record<string, unknown> = {}) {
  const hours = Number(asked.query.get('hours') ?? 24)
  const end = asked.query.has('end') ? Date.parse(asked.query.get('end') ?? '') : NOW
  const start = asked.query.has('start') ? Date.parse(asked.query.get('start') ?? '') : end - hours * 3_600_000
  const at = Array.from({ length: Math.floor((end - start) / STEP) }, (_, i) => start + i * STEP)
  return { metric: asked.query.get('metric'), unit: 'jobs', kind: 'gauge', start, end, step: STEP / 1000, gaps: [], absent: null, series: ['long', 'short'].map((queue, k) => ({ labels: { queue }, at, value: at.map((_, i) => i + k * 100) })), ...part }
}

const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: {} }, { path: '/alerts/:number', name: 'alert', component: {} }] })
function replies(part: Parameters<typeof serve>[0] = {}) {
  return serve({
    'baken.get_metric_catalogue': { message: CATALOGUE },
    'baken.get_series': (asked) => ({ message: series(asked) }),
    'baken.get_marks': { message: { incidents: [SITE], releases: [{ at: NOW - 7_200_000, app: 'erpnext', version: '15.31.2' }], gaps: [] } },
    ...part,
  })
}

beforeEach(() => {
  vi.setSystemTime(NOW)
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(640)
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(200)
  vi.stubGlobal('IntersectionObserver', undefined)
  chooseRange('24h')
  forgetMarks()
  forgetCatalogue()
})

async function open(props: Record<string, unknown> = {}): Promise<VueWrapper> {
  const page = mount(MetricChart, { props: { metrics: [{ metric: 'frappe_queue_length' }], ...props } as InstanceType<typeof MetricChart>['$props'], global: { plugins: [router] }, attachTo: document.body })
  await flushPromises()
  await flushPromises()
  return page as unknown as VueWrapper
}
const asked = (log: Asked[]) => log.filter((one) => one.method === 'baken.get_series')
const names = (page: VueWrapper) => page.findAll('.legend .name').map((one) => one.text())

test('a metric is fetched for the span of the page, by its title, with what happened', async () => {
  const log = replies()
  const page = await open()
  expect(Object.fromEntries(asked(log)[0]?.query ?? [])).toEqual({ metric: 'frappe_queue_length', hours: '24', usual: 'true' })
  expect(page.get('h3').text()).toBe('Jobs waiting')
  expect(names(page)).toEqual(['long', 'short'])
  expect(page.get('.flag a').attributes('href')).toBe('/alerts/12')
  expect(page.findAll('.flag')).toHaveLength(2)
  await setLanguage('nl')
  await flushPromises()
  expect(page.get('h3').text()).toBe('Wachtende taken')
  expect(page.get('.notes').text()).toContain('Taken wachten')
})

test('another span is asked for anew, and looking closer changes the span of the page', async () => {
  const log = replies()
  const page = await open()
  chooseRange('7d')
  await flushPromises()
  expect(asked(log).at(-1)?.query.get('hours')).toBe('168')
  const field = page.get('.field')
  vi.useFakeTimers({ now: NOW })
  await field.trigger('keydown', { key: '+' })
  vi.advanceTimersByTime(400)
  vi.useRealTimers()
  await flushPromises()
  expect(range.value.key).toBe('custom')
  expect(asked(log).at(-1)?.query.get('start')).toBeTruthy()
  await field.trigger('keydown', { key: '0' })
  expect(zoomed.value).toBe(false)
  expect(range.value.key).toBe('7d')
})

test('a refresh asks for what is new only, and puts it behind what is known', async () => {
  const log = replies()
  const page = await open({ version: 1 })
  vi.setSystemTime(NOW + 600_000)
  await page.setProps({ version: 2 })
  await flushPromises()
  const more = asked(log).at(-1)?.query
  expect(Date.parse(more?.get('end') ?? '')).toBe(NOW + 600_000)
  expect(Date.parse(more?.get('start') ?? '')).toBeGreaterThan(NOW - 3_600_000)
  expect(more?.get('step')).toBe('300')
  expect(page.find('.dimmed').exists()).toBe(false)
})

test('what it is compared with stands beside it, dashed, at the same hour', async () => {
  const log = replies()
  const page = await open({ compare: 'week', metrics: [{ metric: 'frappe_queue_length', labels: { queue: 'long' } }], sum: true })
  const before = asked(log).at(-1)?.query
  expect(Date.parse(before?.get('end') ?? '')).toBe(NOW - 7 * 86_400_000)
  expect(before?.get('labels')).toBe('{"queue":"long"}')
  expect(names(page)).toEqual(['Jobs waiting', 'a week before'])
})

test('metrics of different units stand below one another', async () => {
  replies({ 'baken.get_series': (one) => ({ message: series(one, one.query.get('metric') === 'host_memory_used_ratio' ? { unit: 'ratio' } : {}) }) })
  const page = await open({ metrics: [{ metric: 'frappe_queue_length' }, { metric: 'host_memory_used_ratio' }], title: 'Both' })
  expect(page.findAll('h3').map((one) => one.text())).toEqual(['Jobs waiting', 'Host memory used ratio'])
  // Each by itself in its chart: its title tells already what the lines are of.
  expect(names(page)).toEqual(['long', 'short', 'long', 'short'])
})

test('lines of several metrics in one chart say which one they are of, also where each has only one', async () => {
  replies({ 'baken.get_series': (one) => ({ message: series(one, { series: [{ labels: { window: 'day' }, at: [NOW - STEP], value: [1] }] }) }) })
  const page = await open({ metrics: [{ metric: 'frappe_queue_length' }, { metric: 'frappe_jobs_failed' }] })
  expect(names(page)).toEqual(['Jobs waiting: today', 'Frappe jobs failed: today'])
})

test('an absent metric says why, a failed one can be tried again, and what was known stays', async () => {
  let reply: 'absent' | 'fails' | 'well' = 'fails'
  replies({ 'baken.get_series': (one) => (reply === 'fails' ? { status: 500, body: { message: 'too busy' } } : { message: series(one, reply === 'absent' ? { series: [], absent: 'no Redis' } : {}) }) })
  const page = await open({ version: 1 })
  expect(page.text()).toContain('too busy')
  reply = 'well'
  await page.findAll('button').find((one) => one.text() === 'Try again')?.trigger('click')
  await flushPromises()
  expect(page.find('.field').exists()).toBe(true)
  reply = 'fails'
  await page.setProps({ version: 2 })
  await flushPromises()
  expect(page.text()).toContain('The last known figures are shown.')
  expect(page.find('.field').exists()).toBe(true)
  reply = 'absent'
  chooseRange('6h')
  await flushPromises()
  expect(page.text()).toContain('no Redis')
  expect(page.find('.field').exists()).toBe(false)
})

test('without incidents the figures stand, and it says that they are missing', async () => {
  replies({ 'baken.get_marks': { status: 500, body: { message: 'too busy' } } })
  const page = await open()
  expect(page.find('.field').exists()).toBe(true)
  expect(page.get('.notes').text()).toBe('Incidents and releases are not drawn in: too busy')
})

test('the charts of a page share one answer about what happened', async () => {
  const log = replies()
  await Promise.all([open(), open(), open()])
  expect(log.filter((one) => one.method === 'baken.get_marks')).toHaveLength(1)
  expect(log.filter((one) => one.method === 'baken.get_metric_catalogue')).toHaveLength(1)
})

test('the catalogue speaks the reader’s language, and a name stands in for what it does not have', async () => {
  replies()
  const { ready, entries } = useCatalogue()
  expect(metricTitle('frappe_queue_length')).toBe('Frappe queue length')
  await vi.waitFor(() => expect(ready.value).toBe(true))
  expect(entries.value).toHaveLength(1)
  expect([metricTitle('frappe_queue_length'), metricHelp('frappe_queue_length'), metricUnit('frappe_queue_length'), metricUnit('other')]).toEqual(['Jobs waiting', 'Jobs that wait.', 'jobs', ''])
  await setLanguage('nl')
  expect(metricTitle('frappe_queue_length')).toBe('Wachtende taken')
  expect(metricTitle('sepa_mandates_new')).toBe('SEPA mandates new')
})

test('a catalogue that did not come is asked for again by the next view', async () => {
  const log = serve({ 'baken.get_metric_catalogue': { status: 500, body: { message: 'too busy' } } })
  const { error } = useCatalogue()
  await vi.waitFor(() => expect(error.value).toBe('too busy'))
  useCatalogue()
  await vi.waitFor(() => expect(log).toHaveLength(2))
})
