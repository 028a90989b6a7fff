import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import type { DashboardAnswer, SystemMetrics } from '../src/api/types'
import { now } from '../src/clock'
import { setLanguage } from '../src/i18n'
import { chooseRefresh } from '../src/preferences'
import { session } from '../src/session'
import DashboardView from '../src/views/dashboard/DashboardView.vue'
import { acknowledged, alert, ME, resolved, siteAlert } from './fixtures/alerts'
import { card, dashboardAnswer, MOMENT, overviewAnswer } from './fixtures/dashboard'
import { serve, type Asked } from './fixtures/server'

const PAGE = 'verenigingen.www.monitoring_dashboard'

// The chart needs a canvas; that it is drawn is looked at in a real browser.
vi.mock('../src/charts/engine', () => ({ draw: () => ({ show: vi.fn(), picture: vi.fn(), dispose: vi.fn() }) }))

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
  session.value = {
    user: 'admin@example.test',
    full_name: 'Admin',
    roles: ['System Manager'],
    site: 'demo.example.test',
    sites: ['demo.example.test'],
    csrf_token: 'x',
  }
})

async function open(answer: DashboardAnswer, more: Parameters<typeof serve>[0] = {}): Promise<[VueWrapper, Asked[]]> {
  const log = serve({ [`${PAGE}.refresh_dashboard_data`]: { message: answer }, 'baken.get_overview': { message: overviewAnswer() }, 'baken.get_series': { message: { series: [] } }, ...more })
  const component = { template: '' }
  const routes = [
    { name: 'errors', path: '/errors', component },
    { name: 'error-pattern', path: '/errors/:pattern', component },
    { name: 'alerts', path: '/alerts', component },
    { name: 'alert', path: '/alerts/:number', component },
    { path: '/:rest(.*)*', component },
  ]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const page = mount(DashboardView, { global: { plugins: [router] } })
  await flushPromises()
  return [page, log]
}

function section(page: VueWrapper, title: string): string {
  const found = page.findAll('section').find((one) => one.find('h2').exists() && one.get('h2').text() === title)
  return found?.text() ?? ''
}

test('shows every part of one answer', async () => {
  const [page, log] = await open(dashboardAnswer())
  expect(log.filter((asked) => asked.method.startsWith(PAGE))).toHaveLength(1)
  expect(page.text()).toContain('The monitoring runs and reads the site.')
  expect(section(page, 'Association')).toContain('4,312')
  expect(section(page, 'Recent errors')).toMatch(/10\s*errors/)
  expect(section(page, 'Recent errors')).toContain('ValidationError at <ref>')
  expect(section(page, 'Recent errors')).toContain('New')
  expect(section(page, 'Performance')).toContain('23%')
  expect(section(page, 'Performance')).toContain('91%')
  expect(page.get('.sentence').text()).toBe('Two things need you, first of all: The newest backup is 3 d old.')
  expect(section(page, 'Performance')).toContain('The site has no DocType Membership Application.')
})

test('each of the recent errors leads to its own page, and the part to all of them', async () => {
  const [page] = await open(dashboardAnswer())
  const links = page.findAll('a').map((link) => link.attributes('href'))
  expect(links).toEqual(expect.arrayContaining(['/errors/validationerror', '/errors/operationalerror', '/errors']))
})

test('the worst stands first in alerts and audit activity', async () => {
  const [page] = await open(dashboardAnswer())
  const alerts = section(page, 'Active alerts')
  expect(alerts.indexOf('SEPA compliance')).toBeLessThan(alerts.indexOf('Data quality'))
  const rows = page.findAll('.audit tbody tr').map((row) => row.text())
  expect(rows[0]).toContain('Failed')
})

test('a part that fails shows its own error, the others stay, and it is retried alone', async () => {
  const answer = { ...dashboardAnswer(), recent_errors: { error: 'Error Log took too long.' } }
  const [page, log] = await open(answer, { [`${PAGE}.get_recent_errors`]: { message: dashboardAnswer().recent_errors } })
  expect(section(page, 'Recent errors')).toContain('Error Log took too long.')
  expect(section(page, 'Association')).toContain('4,312')
  await page.get('.failed button').trigger('click')
  await flushPromises()
  expect(log.at(-1)?.method).toBe(`${PAGE}.get_recent_errors`)
  expect(section(page, 'Recent errors')).not.toContain('Error Log took too long.')
  expect(section(page, 'Recent errors')).toContain('ValidationError')
})

test('a figure that was not measured is a dash with its reason, never a zero', async () => {
  const answer = dashboardAnswer()
  const system = answer.system_metrics as SystemMetrics
  system.volunteers = { active: null, total: null }
  system.absent = { volunteers: 'The site has no DocType Volunteer.' }
  const [page] = await open(answer)
  const card = page.findAll('article').find((one) => one.get('h3').text() === 'Volunteers')
  expect(card?.text()).toContain('—')
  expect(card?.text()).toContain('not measured')
  expect(card?.text()).toContain('The site has no DocType Volunteer.')
  expect(card?.text()).not.toContain('0')
})

test('unknown errors are not "no errors"', async () => {
  const answer = dashboardAnswer()
  answer.recent_errors = {
    total: null, since: '', patterns: [], hours: [], by_hour: [], measured_at: null, absent: { errors: 'No table Error Log.' },
  }
  const [page] = await open(answer)
  expect(section(page, 'Recent errors')).toContain('No table Error Log.')
  expect(section(page, 'Recent errors')).not.toContain('No errors in')
})

test('alerts that could not be read are not "no alerts"', async () => {
  const [page] = await open({ ...dashboardAnswer(), alerts: { alerts: [], absent: 'not measured yet' } })
  expect(section(page, 'Active alerts')).toContain('not measured yet')
  expect(section(page, 'Active alerts')).not.toContain('No open alerts')
})

test('Baken’s own alerts can be taken up and ended here; the site’s own are marked and only shown', async () => {
  const own = alert(12, { title: { en: 'SEPA compliance', nl: 'SEPA-naleving' } })
  const done: Asked[] = []
  const [page, log] = await open(dashboardAnswer(), {
    'baken.acknowledge_alerts': (asked) => (done.push(asked), { message: { changed: [12], refused: [], alerts: [{ ...own, ...acknowledged(ME, 0) }] } }),
    'baken.resolve_alerts': (asked) => (done.push(asked), { message: { changed: [12], refused: [], alerts: [{ ...own, ...resolved(ME, 0) }] } }),
    // Reading them anew fails in the end: what was done stands all the same.
    [`${PAGE}.get_active_alerts`]: () => (done.length > 1 ? { status: 417, body: { message: 'busy' } } : { message: [{ ...own, ...acknowledged(ME, 0) }, siteAlert()] }),
  })
  const buttons = () => page.findAll('section ul .acts button').map((one) => one.text())
  expect(buttons()).toEqual(['Acknowledge', 'Resolve'])
  expect(section(page, 'Active alerts')).toContain('From the site itself')
  expect(page.findAll('a').map((link) => link.attributes('href'))).toEqual(expect.arrayContaining(['/alerts/12', '/alerts']))
  await page.get('ul .acts button').trigger('click')
  await flushPromises()
  expect(done[0]).toMatchObject({ verb: 'POST', body: { alerts: '12', note: '' } })
  expect(buttons()).toEqual(['Resolve'])
  await page.get('ul .acts button').trigger('click')
  await flushPromises()
  expect(page.get('[role=status] .notice').text()).toContain('1 alert resolved.')
  expect(log.slice(-2).map((asked) => asked.method)).toContain(`${PAGE}.get_active_alerts`)
  expect(section(page, 'Active alerts')).toContain('busy')
  expect(section(page, 'Active alerts')).not.toContain('SEPA compliance')
})

test('a message of the server comes in the reader’s language', async () => {
  await setLanguage('nl')
  const answer = { ...dashboardAnswer(), alerts: [alert(12, { message: 'English', messages: { en: 'English', nl: 'Nederlands' } })] }
  const [page] = await open(answer)
  expect(section(page, 'Actieve meldingen')).toContain('Nederlands')
  expect(section(page, 'Actieve meldingen')).not.toContain('English')
})

test('a silent collector and an unreachable site are said', async () => {
  const answer = dashboardAnswer()
  answer.monitor = {
    collector: { running: true, last_seen: new Date(MOMENT - 12 * 60_000).toISOString() },
    site: { ok: false, reason: 'MariaDB does not answer.' },
  }
  const [page] = await open(answer)
  expect(page.text()).toContain('last measured 12 minutes ago')
  expect(page.text()).toContain('MariaDB does not answer.')
})

test('before the first run over the site it is not called well', async () => {
  const answer = { ...dashboardAnswer(), monitor: { collector: { running: true, last_seen: null }, site: { ok: null } } }
  const [page] = await open(answer)
  expect(page.text()).toContain('still to come')
  expect(page.text()).not.toContain('The monitoring runs')
})

test('refresh now asks the collector to measure, by POST', async () => {
  const [page, log] = await open(dashboardAnswer())
  const button = page.findAll('button').find((one) => one.text() === 'Refresh now')
  log.length = 0
  await button?.trigger('click')
  await flushPromises()
  // What was measured is in what is asked for after it.
  expect(log.map((asked) => asked.method)).toEqual([`${PAGE}.refresh_dashboard_data`, 'baken.get_overview'])
  expect(log[0]).toMatchObject({ verb: 'POST', body: { force: 1 } })
})

test('when the server goes away the figures stay, with since when', async () => {
  let gone = false
  const [page] = await open(dashboardAnswer(), {
    [`${PAGE}.refresh_dashboard_data`]: () => (gone ? new TypeError('Failed to fetch') : { message: dashboardAnswer() }),
  })
  gone = true
  await page.findAll('button').find((one) => one.text() === 'Refresh now')?.trigger('click')
  await flushPromises()
  expect(page.text()).toContain('No connection since')
  expect(page.text()).toContain('last known figures')
  expect(section(page, 'Association')).toContain('4,312')
  expect(page.text()).not.toContain('The monitoring runs')
})

test('the chart can be read as a table', async () => {
  const [page] = await open(dashboardAnswer())
  await page.findAll('button').find((one) => one.text() === 'Show as table')?.trigger('click')
  const rows = page.findAll('figure tbody tr')
  expect(rows).toHaveLength(24)
  // Hour 22, the newest but one: three of a named pattern, four in all, so one of the rest.
  expect(rows[1]?.findAll('td').map((cell) => cell.text())).toEqual(['0', '3', '1', '4'])
})

test('speaks Dutch', async () => {
  await setLanguage('nl')
  const [page] = await open(dashboardAnswer())
  expect(page.text()).toContain('4.312')
  expect(page.text()).toContain('Betalingsverwerking')
  expect(page.text()).toContain('Kritiek')
  expect(page.get('.sentence').text()).toContain('Twee dingen vragen je aandacht')
  expect(section(page, 'De cijfers')).toContain('slechter')
})

test('the sentence, the score and what took its points', async () => {
  const [page] = await open(dashboardAnswer())
  expect(page.get('.score').attributes('aria-label')).toBe('Health score: 61 of 100')
  const reasons = page.findAll('.why li').map((one) => one.text())
  expect(reasons).toEqual([expect.stringContaining('−30 points'), expect.stringContaining('−9 points')])
  expect(page.get('.why a').attributes('href')).toBe('/monitoring_dashboard/alerts/12')
})

test('without a figure there is no score, and the page says so', async () => {
  const answer = overviewAnswer()
  const sentence = { en: 'How the site is now is not known.', nl: 'Niet bekend.' }
  answer.health = { ...answer.health, status: 'unknown', mood: 'unknown', score: null, reasons: [], sentence } as typeof answer.health
  const [page] = await open(dashboardAnswer(), { 'baken.get_overview': { message: answer } })
  expect(page.get('.score').attributes('aria-label')).toBe('Health score: No score')
  expect(page.get('.score').text()).toBe('?')
  expect(page.get('.hero').classes()).toContain('unknown')
})

test('what needs attention: in the server’s order, with what to do; what somebody looks after is folded away', async () => {
  const [page] = await open(dashboardAnswer())
  const open_ = page.findAll('ol > li h3').map((one) => one.text())
  expect(open_.slice(0, 2)).toEqual(['The newest backup is 3 d old', 'SEPA compliance'])
  expect(section(page, 'Needs attention')).toContain('Make a backup today.')
  expect(section(page, 'Needs attention')).toContain('1 more that somebody looks after')
  // Only alerts can be acknowledged.
  expect(page.findAll('section ol .acts button').map((one) => one.text())).toEqual(['Acknowledge'])
})

test('an alert is acknowledged from the list, and everything that follows from it is asked for anew', async () => {
  const own = alert(12)
  const [page, log] = await open(dashboardAnswer(), {
    'baken.acknowledge_alerts': { message: { changed: [12], refused: [], alerts: [{ ...own, ...acknowledged(ME, 0) }] } },
    [`${PAGE}.get_active_alerts`]: { message: [] },
  })
  log.length = 0
  await page.get('section ol .acts button').trigger('click')
  await flushPromises()
  expect(log.map((asked) => asked.method)).toEqual(['baken.acknowledge_alerts', 'baken.get_overview', `${PAGE}.get_active_alerts`])
  expect(page.get('[role=status] .notice').text()).toContain('acknowledged')
})

test('somebody was first: that is said', async () => {
  const own = { ...alert(12), ...acknowledged('els@example.test', 0) }
  const [page] = await open(dashboardAnswer(), {
    'baken.acknowledge_alerts': { message: { changed: [], refused: [{ number: 12, reason: 'taken' }], alerts: [own] } },
    [`${PAGE}.get_active_alerts`]: { message: [] },
  })
  await page.get('section ol .acts button').trigger('click')
  await flushPromises()
  expect(page.get('[role=status] .notice').text()).toContain('els@example.test')
})

test('a figure says how it changed in words, and leads to its history', async () => {
  const [page] = await open(dashboardAnswer())
  const cells = page.findAll('.cell')
  expect(cells[0]?.text()).toContain('4,312')
  expect(cells[0]?.text()).toContain('+12 better')
  expect(cells[0]?.get('a').attributes('href')).toBe('/monitoring_dashboard/explorer?m=association_members')
  expect(cells[1]?.text()).toContain('worse')
  expect(cells[2]?.text()).toContain('This site has no DocType Payment Entry')
  expect(cells[2]?.text()).not.toContain('0')
  const explain = page.findAll('button').find((one) => one.text() === 'What do they mean?')
  await explain?.trigger('click')
  expect(cells[0]?.text()).toContain('Members per status')
})

test('an old figure is marked', async () => {
  const answer = overviewAnswer()
  answer.cards = { members: [card('members', { stale: true })], money: [], system: [] }
  const [page] = await open(dashboardAnswer(), { 'baken.get_overview': { message: answer } })
  expect(page.get('.cell .old').text()).toContain('Measured')
})

test('a part of the overview that fails says so, and the others stay', async () => {
  const broken = { ...overviewAnswer(), cards: { error: 'cards failed (KeyError)' } }
  const answers = [broken, overviewAnswer()]
  const [page] = await open(dashboardAnswer(), { 'baken.get_overview': () => ({ message: answers.shift() ?? overviewAnswer() }) })
  expect(section(page, 'The figures')).toContain('cards failed (KeyError)')
  expect(section(page, 'Needs attention')).toContain('The newest backup')
  await page.get('.failed button').trigger('click')
  await flushPromises()
  expect(section(page, 'The figures')).toContain('4,312')
})

test('an overview that cannot be had leaves the documented parts', async () => {
  const [page] = await open(dashboardAnswer(), { 'baken.get_overview': { status: 500, body: { message: 'broken' } } })
  expect(page.get('.hero').text()).toContain('broken')
  expect(section(page, 'Association')).toContain('4,312')
})
