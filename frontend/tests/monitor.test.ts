import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { now } from '../src/clock'
import { setLanguage } from '../src/i18n'
import { chooseRefresh } from '../src/preferences'
import MonitorView from '../src/views/monitor/MonitorView.vue'
import commands from '../src/views/monitor/commands'
import { verdictOf } from '../src/views/monitor/words'
import type { ChannelsAnswer } from '../src/api/alerts'
import { channelsAnswer, MOMENT, monitorAnswer } from './fixtures/monitor'
import { serve, type Asked } from './fixtures/server'

const CHAIN = 'verenigingen.www.monitoring_dashboard.test_monitoring_system'
const HOURLY = 'verenigingen.utils.alert_manager.run_hourly_checks'

// Charts are looked at in a real browser.
vi.mock('../src/components/charts/MetricChart.vue', () => ({ default: { props: ['metrics', 'title'], template: '<figure>{{ title }}</figure>' } }))

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
})

async function open(more: Parameters<typeof serve>[0] = {}, query = ''): Promise<[VueWrapper, Asked[]]> {
  const log = serve({ 'baken.get_monitor': { message: monitorAnswer() }, 'baken.get_channels': { message: channelsAnswer }, ...more })
  const component = { template: '' }
  const routes = [
    { name: 'monitor', path: '/monitoring_dashboard/monitor', component },
    { name: 'alerts', path: '/alerts', component },
    { path: '/:rest(.*)*', component },
  ]
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(`/monitoring_dashboard/monitor${query}`)
  const page = mount(MonitorView, { global: { plugins: [router] } })
  await flushPromises()
  return [page, log]
}

function button(page: VueWrapper, text: string) {
  const found = page.findAll('button').find((one) => one.text() === text)
  if (!found) throw new Error(`no button ${text}`)
  return found
}

test('says how Baken is, what it costs, and what cannot be measured', async () => {
  const [page] = await open()
  expect(page.get('.verdict').text()).toContain('The channel chat is stopped')
  expect(page.text()).toContain('21 ms a minute')
  expect(page.get('[role=meter]').attributes('aria-valuenow')).toBe('21')
  expect(page.text()).toContain('200 MB')
  expect(page.text()).toContain('+1.7 MB')
  expect(page.text()).toContain('this machine has no swap space')
  expect(page.text()).toContain('Swap in use')
  expect(page.text()).toContain('Baken 0.1.0 · Python 3.11.7 · sqlite')
  expect(page.findAll('figure')).toHaveLength(6)
})

test('the verdict: what is grave comes first, and without trouble it is well', () => {
  const channels = (channelsAnswer as unknown as ChannelsAnswer)
  const well = verdictOf(monitorAnswer(), null, MOMENT)
  expect(well).toMatchObject({ state: 'ok', more: [] })
  const dear = verdictOf(monitorAnswer({ cost: { ms_per_minute: 90, budget_ms: 60, since: null, queries: 1 }, runs: { missed: 3, failed: 0 } }), null, MOMENT)
  expect(dear.state).toBe('attention')
  expect(dear.more).toEqual(['3 runs were missed in the last 24 hours.'])
  const collector = { running: false, last_seen: new Date(MOMENT - 600_000).toISOString(), age_seconds: 600, holder: null, reason: 'gone' }
  const stopped = verdictOf(monitorAnswer({ collector }), channels, MOMENT)
  expect(stopped.state).toBe('critical')
  expect(stopped.sentence).toContain('the collector last ran 10 minutes ago')
  expect(stopped.more).toEqual(['gone', 'The channel chat is stopped: nobody is told over it.'])
  const site = { name: 'x', ok: null, reason: 'not looked at yet', at: null }
  expect(verdictOf(monitorAnswer({ site }), null, MOMENT).state).toBe('unknown')
})

test('other monitoring systems: what they refuse is seen, and what they take too', async () => {
  const target = { last_ok: new Date(MOMENT - 30_000).toISOString(), failing_since: null, sent: 1200, rejected: 0, last_rejected: 0, waiting: 0, problem: '' }
  const exports = [
    { ...target, target: 'remote write vm' },
    { ...target, target: 'zabbix zbx', last_rejected: 168, rejected: 168, problem: 'host site.example is not known there' },
    { ...target, target: 'Alertmanager am', failing_since: new Date(MOMENT - 600_000).toISOString(), problem: 'Alertmanager am cannot be reached: Connection refused' },
  ]
  const [page] = await open({ 'baken.get_monitor': { message: monitorAnswer({ exports }) } })
  const lines = page.findAll('.beside li').map((one) => one.text())
  expect(lines.find((line) => line.startsWith('remote write vm'))).toMatch(/Taken.*1,200/)
  expect(lines.find((line) => line.startsWith('zabbix zbx'))).toMatch(/Partly refused.*168 refused of the last delivery.*host site\.example is not known there/)
  expect(lines.find((line) => line.startsWith('Alertmanager am'))).toMatch(/Not taken.*Connection refused/)
  const verdict = verdictOf(monitorAnswer({ exports }), null, MOMENT)
  expect(verdict.state).toBe('attention')
  expect([verdict.sentence, ...verdict.more]).toEqual(['zabbix zbx refuses part of what Baken sends.', 'Alertmanager am takes nothing of what Baken sends.'])
})

test('what is not known is not zero', async () => {
  const empty = monitorAnswer({ cost: { ms_per_minute: null, budget_ms: 60, since: null, queries: null }, runs: { missed: null, failed: null }, memory_bytes: {}, growth: { bytes: null, before: null, since: null, per_day: null } })
  const [page] = await open({ 'baken.get_monitor': { message: empty } })
  expect(page.find('[role=meter]').exists()).toBe(false)
  expect(page.text()).toContain('known after a day')
  expect(page.findAll('.absent').length).toBeGreaterThan(3)
})

test('the whole chain is tried, step by step', async () => {
  const hops = [
    { hop: 'site database', ok: true, ms: 2.1, detail: 'sqlite; 2 queries' },
    { hop: 'redis cache', ok: null, ms: 0, detail: 'no Redis' },
    { hop: 'channel mail to beheer', ok: false, ms: null, detail: 'connection refused' },
  ]
  const [page, log] = await open({ [CHAIN]: { message: { status: 'error', message: '', hops } } })
  await button(page, 'Test the whole chain').trigger('click')
  await flushPromises()
  expect(log.find((asked) => asked.method === CHAIN)?.verb).toBe('POST')
  expect(page.text()).toContain('1 step does not work')
  const steps = page.findAll('ol li').map((one) => one.text())
  expect(steps[0]).toMatch(/Works.*The site's database can be read.*2\.1 ms/)
  expect(steps[1]).toContain('Does not apply')
  expect(steps[2]).toContain('mail to beheer')
  // Afterwards the page shows what the trial changed.
  expect(log.at(-1)?.method).toMatch(/get_monitor|get_channels/)
})

test('checks that the collector did not make are not called done', async () => {
  const [page] = await open({ [HOURLY]: { message: { status: 'error', message: 'the collector did not answer', evaluated: false, checks: {}, alerts: [] } } })
  await button(page, 'Run the hourly checks').trigger('click')
  await flushPromises()
  expect(page.text()).toContain('The rules could not be judged: the collector did not answer')
})

test('what cannot be tried says why', async () => {
  const [page] = await open({ [CHAIN]: { status: 403, body: { message: 'no' } } })
  await button(page, 'Test the whole chain').trigger('click')
  await flushPromises()
  expect(page.find('.verdict.critical').exists()).toBe(true)
})

test('a stopped channel is used again', async () => {
  const [page, log] = await open({ 'baken.enable_channel': { message: { channel: 'chat', enabled: true } } })
  await button(page, 'Use again').trigger('click')
  await flushPromises()
  expect(log.find((asked) => asked.method === 'baken.enable_channel')).toMatchObject({ verb: 'POST', body: { channel: 'chat' } })
  expect(page.get('.notice').text()).toContain('chat is used again')
})

test('the palette’s commands lead here, and what they ask for is tried once', async () => {
  const found = await commands()
  expect(found.map((one) => one.id)).toEqual(['monitor.chain', 'monitor.hourly', 'monitor.daily'])
  const [, log] = await open({ [HOURLY]: { message: { status: 'success', message: '', evaluated: true, checks: {}, alerts: [] } } }, '?run=hourly')
  await flushPromises()
  expect(log.filter((asked) => asked.method === HOURLY)).toHaveLength(1)
})

test('one part that fails leaves the others', async () => {
  const [page] = await open({ 'baken.get_channels': { status: 500, body: { message: 'broken' } } })
  expect(page.text()).toContain('broken')
  expect(page.text()).toContain('21 ms a minute')
})

test('speaks Dutch', async () => {
  await setLanguage('nl')
  const [page] = await open()
  expect(page.text()).toContain('21 ms per minuut')
  expect(page.text()).toContain('Wat niet kan worden gemeten')
})
