import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { RouterView } from 'vue-router'
import { h } from 'vue'
import { forgetCatalogue } from '../src/catalogue'
import { now } from '../src/clock'
import { setLanguage } from '../src/i18n'
import { newPanel, shown, type Panel } from '../src/panels/body'
import { favourites, recent } from '../src/panels/favourites'
import { matrixOf } from '../src/panels/matrix'
import type { MetricNow } from '../src/panels/now'
import { heightFor } from '../src/panels/sizes'
import type { Dashboard } from '../src/panels/store'
import { chooseRefresh } from '../src/preferences'
import BoardView from '../src/views/board/BoardView.vue'
import DashboardsView from '../src/views/dashboards/DashboardsView.vue'
import ExplorerView from '../src/views/explorer/ExplorerView.vue'
import { serve, type Asked } from './fixtures/server'

vi.mock('../src/components/charts/MetricChart.vue', () => ({
  default: { props: ['metrics', 'title', 'kind', 'sum', 'compare', 'limit'], setup: (props: Record<string, unknown>) => () => h('div', { class: 'drawn' }, JSON.stringify(props)) },
}))

const AT = '2026-11-27T10:00:00Z'
const figure = (metric: string, more: object = {}) => ({ metric, domain: 'host', unit: 'processes', title: metric.replaceAll('_', ' '), help: `About ${metric}`, labels: [], kind: 'gauge', good: 'down', every: 60, at: AT, absent: null, scope: 'host', values: [{ labels: {}, value: 4, at: AT }], ...more })
const METRICS = [
  figure('host_load'),
  figure('association_members', { domain: 'association', unit: 'members', good: 'up', values: [{ labels: { status: 'Active' }, value: 12, at: AT }, { labels: { status: 'Pending' }, value: 3, at: AT }] }),
  figure('database_connections', { domain: 'database', absent: 'SQLite has no server', values: [] }),
]

const panels = (): Panel[] =>
  [
    { ...newPanel('figure', [shown('host_load')]), id: 'load', x: 0, y: 0 },
    { ...newPanel('text'), id: 'words', x: 3, y: 0, w: 4, h: 3, title: 'Notes', text: 'See **this**' },
    { ...newPanel('table', [shown('association_members'), shown('gone_metric')]), id: 'table', x: 0, y: 3 },
  ] as Panel[]
function dashboard(more: Partial<Dashboard> = {}): Dashboard {
  return { dashboard: 'abc', title: 'Kas', owner: 'els@x.test', mine: true, shared: false, locked: false, can_change: true, version: 3, created: AT, updated: AT, updated_by: 'els@x.test', unknown: ['gone_metric'], body: { format: 'baken-dashboard', version: 1, panels: panels() }, ...more }
}
const listed = (more: Partial<Dashboard> = {}) => {
  const { body, unknown: _unknown, ...about } = dashboard(more)
  return { ...about, panels: body.panels }
}

beforeEach(() => {
  now.value = Date.parse(AT) + 60_000
  chooseRefresh(0)
  forgetCatalogue()
  favourites.value = []
  recent.value = []
  // happy-dom has dialogs without their methods.
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true
  }
})

interface Opened {
  page: VueWrapper
  log: Asked[]
  router: Router
}

async function open(path: string, more: Parameters<typeof serve>[0] = {}): Promise<Opened> {
  const log = serve({
    'baken.get_metrics': { message: METRICS },
    'baken.get_metric_catalogue': { message: METRICS },
    'baken.get_series': (asked) => ({ message: { metric: asked.query.get('metric'), series: [{ labels: {}, at: [Date.parse(AT) - 6.1e8, Date.parse(AT) - 6.05e8], value: [2, 3] }] } }),
    'baken.get_dashboards': { message: { dashboards: [listed(), listed({ dashboard: 'def', title: 'Samen', mine: false, owner: 'piet@x.test', shared: true, locked: true, can_change: false })], most: 100 } },
    'baken.get_dashboard': { message: dashboard() },
    'baken.save_dashboard': (asked) => {
      const args = asked.body as { title: string; body: string; version?: number; dashboard?: string }
      return { message: { saved: true, dashboard: dashboard({ dashboard: args.dashboard ?? 'new', title: args.title, version: (args.version ?? 0) + 1, body: JSON.parse(args.body) as Dashboard['body'] }) } }
    },
    'baken.delete_dashboard': { message: { deleted: true, version: 4, dashboard: null } },
    ...more,
  })
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { name: 'dashboards', path: '/dashboards', component: DashboardsView },
      { name: 'board', path: '/dashboards/:dashboard', component: BoardView },
      { name: 'explorer', path: '/explorer', component: ExplorerView },
      { name: 'alerts', path: '/alerts', component: { template: '' } },
    ],
  })
  await router.push(path)
  const page = mount({ components: { RouterView }, template: '<RouterView />' }, { global: { plugins: [router] }, attachTo: document.body })
  await flushPromises()
  return { page, log, router }
}

const asked = (log: Asked[], method: string) => log.filter((one) => one.method === method)
const saved = (log: Asked[]) => asked(log, 'baken.save_dashboard').map((one) => one.body as { title: string; body: string; version: number; shared?: boolean; locked?: boolean; dashboard?: string })
async function press(page: VueWrapper, text: string): Promise<void> {
  const found = page.findAll('button').find((one) => one.text() === text || one.attributes('aria-label') === text)
  expect(found, text).toBeDefined()
  await found?.trigger('click')
  await flushPromises()
}

test('a dashboard shows its panels: figure with change, text, last values, and what is not known', async () => {
  const { page } = await open('/dashboards/abc')
  expect(page.get('h1').text()).toBe('Kas')
  expect(page.findAll('h2').map((one) => one.text())).toEqual(['host load', 'Notes', 'association members, Gone metric'])
  expect(page.get('.figure .value').text()).toBe('4')
  expect(page.get('.figure .change').attributes('title')).toBe('+1 (+33%) since last week')
  expect(page.get('.figure .change').classes()).toContain('worse')
  expect(page.get('.words strong').text()).toBe('this')
  expect(page.get('table').text()).toContain('Pending3')
  expect(page.get('table').text()).toContain('Baken does not know the metric gone_metric')
  await setLanguage('nl')
  await flushPromises()
  expect(page.get('.figure .change').text()).toContain('sinds vorige week')
})

test('metrics with figures of the same things stand side by side in one table', async () => {
  const both = ['sepa_batches', 'sepa_batch_amount']
  const of = (metric: string, unit: string, values: number[]) => figure(metric, { unit, title: metric === both[0] ? 'Batches' : 'Amount', values: ['Draft', 'Failed'].map((status, i) => ({ labels: { status }, value: values[i] ?? null, at: AT })) })
  const metrics = [of('sepa_batches', 'batches', [1, 2]), of('sepa_batch_amount', 'EUR', [95, 218])]
  const body = { format: 'baken-dashboard', version: 1, panels: [{ ...newPanel('table', both.map((one) => shown(one))), id: 'both' }] } as Dashboard['body']
  const { page } = await open('/dashboards/abc', { 'baken.get_metrics': { message: metrics }, 'baken.get_metric_catalogue': { message: metrics }, 'baken.get_dashboard': { message: dashboard({ body }) } })
  expect(page.findAll('thead th').map((one) => one.text())).toEqual(['status', 'Batches', 'Amount'])
  expect(page.findAll('tbody tr').map((row) => row.findAll('th, td').map((one) => one.text()))).toEqual([
    ['Draft', '1', '€95.00'],
    ['Failed', '2', '€218.00'],
  ])
  expect(matrixOf(both.map((one) => shown(one)), [metrics[0] as MetricNow])).toBeNull()
  expect(matrixOf([shown('host_load'), shown('association_members')], METRICS as unknown as MetricNow[])).toBeNull()
})

test('a panel begins so high that all it shows is seen', async () => {
  await open('/dashboards/abc')
  expect(newPanel('chart', [shown('host_load')]).h).toBe(5)
  // Of another unit: a second drawing, with its own title and legend.
  expect(newPanel('chart', [shown('host_load'), shown('association_members')]).h).toBe(10)
  const many = Array.from({ length: 9 }, (_, i) => ({ labels: { status: `s${i}` }, value: i, at: AT }))
  const figures = [figure('association_members', { values: many })] as unknown as MetricNow[]
  expect(heightFor('table', [shown('association_members')], figures)).toBe(7)
  expect(heightFor('table', [shown('association_members', { status: ['s1'] })], figures)).toBe(5)
})

test('a new chart grows with what is chosen for it, unless its height was said', async () => {
  const { page, log } = await open('/dashboards/abc?edit=1')
  await press(page, 'Add a panel')
  await press(page, 'Chart')
  const pick = async (name: string) => {
    await page.findAll('dialog button').find((one) => one.text().startsWith(name))?.trigger('click')
    await flushPromises()
  }
  const height = () => (page.findAll('dialog input[type=number]').at(-1)?.element as HTMLInputElement).value
  await pick('host load')
  expect(height()).toBe('5')
  await press(page, 'Add a metric')
  await pick('association members')
  expect(height()).toBe('10')
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  await press(page, 'Save')
  const { panels: kept } = JSON.parse(saved(log)[0]?.body ?? '') as Dashboard['body']
  expect(kept).toHaveLength(4)
  expect(kept[3]).toMatchObject({ kind: 'chart', w: 6, h: 10 })
})

test('a failing answer of figures is told in the panel, and the rest stands', async () => {
  const { page } = await open('/dashboards/abc', { 'baken.get_metrics': { status: 500, body: { message: 'broken' } } })
  expect(page.findAll('.failed')[0]?.text()).toContain('broken')
  expect(page.get('.words strong').text()).toBe('this')
})

test('panels are moved and sized by keyboard, announced, undone and saved over the version that was read', async () => {
  const { page, log } = await open('/dashboards/abc?edit=1')
  const handle = page.get('[data-handle="load"]')
  await handle.trigger('keydown', { key: 'ArrowDown' })
  expect(page.get('.grid > [role=status]').text()).toBe('host load: column 1, row 9, 3 wide, 3 high')
  await page.get('[data-handle="load"]').trigger('keydown', { key: 'ArrowRight', shiftKey: true })
  expect(page.get('.grid > [role=status]').text()).toContain('4 wide')
  await page.get('[data-handle="load"]').trigger('keydown', { key: 'ArrowLeft' })
  expect(page.get('.grid > [role=status]').text()).toBe('It goes no further in that direction.')
  await press(page, 'Undo the last step')
  await press(page, 'Save')
  const [sent] = saved(log)
  expect(sent).toMatchObject({ dashboard: 'abc', version: 3, title: 'Kas' })
  const body = JSON.parse(sent?.body ?? '') as Dashboard['body']
  expect(body.panels.find((one) => one.id === 'load')).toMatchObject({ x: 0, y: 8, w: 3 })
  expect(body.panels.find((one) => one.id === 'table')).toMatchObject({ y: 3 })
  expect(page.find('[data-handle]').exists()).toBe(false)
})

test('a panel is taken off and brought back', async () => {
  const { page } = await open('/dashboards/abc?edit=1')
  await press(page, 'What to do with Notes')
  await press(page, 'Remove')
  expect(page.find('.words').exists()).toBe(false)
  await press(page, 'Undo')
  expect(page.find('.words').exists()).toBe(true)
})

test('whoever is second learns who saved, and overwrites, takes theirs or keeps a copy', async () => {
  const other = { saved: false, version: 7, by: 'piet@x.test', at: AT, gone: false, dashboard: dashboard({ title: 'Van Piet', version: 7 }) }
  const answer = (request: Asked) => {
    const args = request.body as { version?: number; title: string; dashboard?: string }
    return { message: args.version === 3 ? other : { saved: true, dashboard: dashboard({ title: args.title, version: 8, dashboard: args.dashboard ?? 'new' }) } }
  }
  const first = await open('/dashboards/abc?edit=1', { 'baken.save_dashboard': answer })
  await first.page.get('.rename input').setValue('Van mij')
  await press(first.page, 'Save')
  expect(first.page.get('dialog').text()).toContain('piet@x.test saved this dashboard')
  await first.page.findAll('dialog button').find((one) => one.text().startsWith('Save mine over it'))?.trigger('click')
  await flushPromises()
  expect(saved(first.log).map((one) => one.version)).toEqual([3, 7])
  expect(first.page.get('h1').text()).toBe('Van mij')
  first.page.unmount()

  const second = await open('/dashboards/abc?edit=1', { 'baken.save_dashboard': answer })
  await second.page.get('.rename input').setValue('Van mij')
  await press(second.page, 'Save')
  await second.page.findAll('dialog button').find((one) => one.text().startsWith('Take theirs'))?.trigger('click')
  await flushPromises()
  expect(second.page.get('h1').text()).toBe('Van Piet')
  second.page.unmount()

  const third = await open('/dashboards/abc?edit=1', { 'baken.save_dashboard': answer })
  await third.page.get('.rename input').setValue('Van mij')
  await press(third.page, 'Save')
  await third.page.findAll('dialog button').find((one) => one.text().startsWith('Save mine as a copy'))?.trigger('click')
  await flushPromises()
  expect(third.router.currentRoute.value.params['dashboard']).toBe('new')
})

test('nobody leaves with changes without being asked', async () => {
  const { page, router } = await open('/dashboards/abc?edit=1')
  await page.get('.rename input').setValue('Anders')
  const left = router.push('/explorer')
  await flushPromises()
  expect(page.get('dialog').text()).toContain('not saved yet')
  await press(page, 'Keep editing')
  await left
  expect(router.currentRoute.value.name).toBe('board')
})

test('somebody else’s locked dashboard can be copied, not edited', async () => {
  const { page, log } = await open('/dashboards/def', { 'baken.get_dashboard': { message: dashboard({ dashboard: 'def', mine: false, shared: true, locked: true, can_change: false, owner: 'piet@x.test' }) } })
  expect(page.findAll('button').some((one) => one.text() === 'Edit')).toBe(false)
  expect(page.text()).toContain('Of piet@x.test, who alone changes it')
  await press(page, 'More')
  expect(page.findAll('li button').map((one) => one.text())).toEqual(['Duplicate', 'Export as JSON'])
  await press(page, 'Duplicate')
  expect(saved(log)[0]).toMatchObject({ title: 'Kas (copy)' })
})

test('the list: own and shared ones, deleted with a way back, begun from a template', async () => {
  const { page, log, router } = await open('/dashboards')
  expect(page.findAll('section > h2').map((one) => one.text())).toEqual(['My dashboards', 'Shared with me', 'Templates'])
  await press(page, 'What to do with Kas')
  await press(page, 'Delete')
  expect(asked(log, 'baken.delete_dashboard')[0]?.body).toEqual({ dashboard: 'abc', version: 3 })
  expect(page.text()).toContain('“Kas” is deleted.')
  await press(page, 'Undo')
  expect(saved(log)[0]).toMatchObject({ dashboard: 'abc', version: 4, title: 'Kas' })
  await page.findAll('button.open').find((one) => one.text().startsWith('Treasurer'))?.trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.name).toBe('board')
})

test('an import tells its mistakes, and makes a dashboard of a good file', async () => {
  const { page, log } = await open('/dashboards')
  await press(page, 'Import')
  const field = page.get('dialog textarea')
  await field.setValue('{"format":"baken-dashboard","version":1,"title":"Uit bestand","panels":[{"kind":"pie"}]}')
  expect(page.get('dialog [role=alert]').text()).toContain('Panel 1, kind: expected one of chart')
  await field.setValue(JSON.stringify({ format: 'baken-dashboard', version: 1, title: 'Uit bestand', panels: panels() }))
  expect(page.get('dialog .notes').text()).toContain('gone_metric')
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  expect(saved(log)[0]?.title).toBe('Uit bestand')
})

test('the explorer lists every metric, finds by words, and says why one is absent', async () => {
  const { page, router } = await open('/explorer')
  expect(page.findAll('.title').map((one) => one.text())).toEqual(['association members', 'database connections', 'host load'])
  expect(page.text()).toContain('SQLite has no server')
  await page.get('input[type=search]').setValue('active')
  expect(page.findAll('.title').map((one) => one.text())).toEqual(['association members'])
  await page.get('button.open').trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.query['m']).toEqual(['association_members'])
  expect(recent.value).toEqual(['association_members'])
})

test('an address draws what it says; chips, kind and sum go back into it', async () => {
  const { page, router } = await open('/explorer?m=association_members%7Bstatus%3DActive%7D&m=gone_metric&draw=area&limit=5')
  const drawn = () => JSON.parse(page.get('.drawn .drawn').text()) as Record<string, unknown>
  expect(drawn()).toMatchObject({ metrics: [{ metric: 'association_members', values: { status: ['Active'] } }], kind: 'area', limit: 5 })
  expect(page.text()).toContain('Baken does not know the metric gone_metric')
  await page.findAll('.chip').find((one) => one.text().startsWith('Pending'))?.trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.query['m']).toContain('association_members{status=Active|Pending}')
  await press(page, 'Sum')
  expect(router.currentRoute.value.query).toMatchObject({ sum: '1', draw: 'area', limit: '5' })
  expect(drawn()).toMatchObject({ sum: true })
})

test('what is explored becomes a panel on a dashboard, below what is there', async () => {
  const { page, log } = await open('/explorer?m=host_load&compare=week')
  await press(page, 'Save as a panel')
  expect(page.findAll('dialog option').map((one) => one.text())).toEqual(['Kas', 'A new dashboard'])
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  const [sent] = saved(log)
  expect(sent).toMatchObject({ dashboard: 'abc', version: 3 })
  const kept = (JSON.parse(sent?.body ?? '') as Dashboard['body']).panels
  expect(kept).toHaveLength(4)
  expect(kept[3]).toMatchObject({ kind: 'chart', compare: 'week', metrics: [{ metric: 'host_load' }] })
  expect(page.text()).toContain('It is on “Kas” now.')
})
