import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, test } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { setLanguage } from '../src/i18n'
import { chooseRefresh } from '../src/preferences'
import { session } from '../src/session'
import type { FleetSite, HealthStatus } from '../src/views/fleet/answers'
import FleetView from '../src/views/fleet/FleetView.vue'
import { serve } from './fixtures/server'

const OPEN = { CRITICAL: 0, HIGH: 0, MEDIUM: 0, LOW: 0 }

function site(name: string, status: HealthStatus, more: Partial<FleetSite> = {}): FleetSite {
  return {
    site: name,
    need: 0,
    health: { status, score: status === 'unknown' ? null : 90, reasons: [], texts: [] },
    alerts: { open: OPEN, acknowledged: 0, suppressed: 0 },
    worst: null,
    errors: { last_hour: 0, last_24h: 1234 },
    members: 60,
    failing_payments: 0,
    backup_age_seconds: 7200,
    last_look: { at: new Date().toISOString(), ok: true, reason: null },
    absent: {},
    ...more,
  }
}

const BAD = site('kantklos.test', 'critical', {
  health: { status: 'critical', score: 28, reasons: ['x'], texts: [{ en: 'x', nl: 'y' }] },
  alerts: { open: { ...OPEN, CRITICAL: 1, LOW: 1 }, acknowledged: 0, suppressed: 0 },
  worst: { number: 7, severity: 'CRITICAL', title: { en: 'The database is down', nl: 'De database is weg' } },
})
const UNKNOWN = site('stil.test', 'unknown', {
  errors: { last_hour: null, last_24h: null },
  members: null,
  failing_payments: null,
  backup_age_seconds: null,
  last_look: { at: null, ok: null, reason: 'Baken has not looked at the site yet' },
  absent: { members: 'not measured yet' },
})

beforeEach(() => {
  chooseRefresh(0)
  session.value = null
})

async function open(sites: FleetSite[], address = '/monitoring_dashboard/fleet') {
  serve({ 'baken.get_fleet': { message: { sites, host: { alerts: { open: OPEN, acknowledged: 0, suppressed: 0 }, worst: null }, timestamp: '' } } })
  const router = createRouter({ history: createMemoryHistory(), routes: ['', 'fleet'].map((path) => ({ name: path || 'dashboard', path: `/monitoring_dashboard/${path}`, component: { template: '' } })) })
  await router.push(address)
  const page = mount(FleetView, { global: { plugins: [router] } })
  await flushPromises()
  return Object.assign(page, { router })
}

const names = (page: Awaited<ReturnType<typeof open>>) => page.findAll('.site a').map((one) => one.text())

test('one sentence says how many sites need somebody, in the order of need as the server gives it', async () => {
  const page = await open([BAD, UNKNOWN, site('wel.test', 'healthy')])
  expect(page.get('.sentence').text()).toBe('3 sites: 1 needs somebody now, of 1 nothing is known.')
  expect(names(page)).toEqual(['kantklos.test', 'stil.test', 'wel.test'])
  await setLanguage('nl')
  await flushPromises()
  expect(page.get('.sentence').text()).toBe('3 sites: 1 heeft nu iemand nodig, van 1 is niets bekend.')
  expect(page.get('.site').text()).toContain('De database is weg')
})

test('a row leads to that site and says what is worst; what is not known is no zero', async () => {
  const page = await open([BAD, UNKNOWN])
  const [bad, unknown] = page.findAll('.site')
  expect(bad?.get('a').attributes('href')).toBe('/monitoring_dashboard/?site=kantklos.test')
  expect(bad?.text()).toContain('The database is down')
  expect(bad?.text()).toContain('2 open alerts')
  expect(bad?.get('[role=img]').attributes('aria-label')).toBe('28 of 100')
  expect(bad?.text()).toContain('1,234')
  expect(unknown?.get('[role=img]').attributes('aria-label')).toBe('no score: too little is known')
  expect(unknown?.text()).toContain('Baken has not looked at the site yet')
  expect(unknown?.text()).not.toContain('Nothing is waiting')
  expect(unknown?.findAll('dd').at(-1)?.text()).toContain('not measured yet')
  expect(unknown?.findAll('dd').every((one) => one.text().startsWith('—'))).toBe(true)
})

test('the list is narrowed by name and state, and a long one is told in parts', async () => {
  const many = Array.from({ length: 130 }, (_, i) => site(`site${i}.test`, 'healthy'))
  const page = await open([BAD, ...many])
  expect(names(page)).toHaveLength(60)
  await page.get('.more').trigger('click')
  expect(names(page)).toHaveLength(120)
  await page.get('input[type=search]').setValue('KANT')
  expect(names(page)).toEqual(['kantklos.test'])
  await page.get('input[type=search]').setValue('nowhere')
  expect(page.text()).toContain('No site fits.')
  // Hundreds of rows take their time on a busy machine.
}, 30_000)

test('when all are well it says just that', async () => {
  const page = await open([site('a.test', 'healthy'), site('b.test', 'healthy')])
  expect(page.get('.sentence').text()).toBe('All 2 sites are well.')
})

test('a column sorts, then the other way round, then need counts again; what is not known comes last', async () => {
  const page = await open([UNKNOWN, site('b.test', 'healthy', { members: 5 }), site('a.test', 'healthy', { members: 90 })])
  const head = page.get('.by-members')
  await head.trigger('click')
  expect(head.attributes('aria-pressed')).toBe('true')
  expect(names(page)).toEqual(['a.test', 'b.test', 'stil.test'])
  await head.trigger('click')
  expect(names(page)).toEqual(['b.test', 'a.test', 'stil.test'])
  await head.trigger('click')
  expect(names(page)).toEqual(['stil.test', 'b.test', 'a.test'])
})

test('what is looked for stands in the address, and holds when one comes back by it', async () => {
  const sites = [BAD, site('b.test', 'healthy', { members: 5 }), site('a.test', 'healthy', { members: 90 })]
  const page = await open(sites)
  await page.get('input[type=search]').setValue('.test')
  await page.get('.by-members').trigger('click')
  await page.findAll('.segments button').find((one) => one.text().startsWith('Well'))?.trigger('click')
  await flushPromises()
  expect(page.router.currentRoute.value.query).toEqual({ q: '.test', state: 'healthy', sort: '-members' })
  const again = await open(sites, '/monitoring_dashboard/fleet?state=healthy&sort=members&q=.TEST')
  expect(names(again)).toEqual(['b.test', 'a.test'])
  expect(again.get<HTMLInputElement>('input[type=search]').element.value).toBe('.TEST')
  await again.router.push('/monitoring_dashboard/fleet')
  await flushPromises()
  expect(names(again)).toHaveLength(3)
})

test('an address that names no column and no state shows all, by need', async () => {
  const page = await open([BAD, site('a.test', 'healthy')], '/monitoring_dashboard/fleet?sort=-nothing&state=odd')
  expect(names(page)).toEqual(['kantklos.test', 'a.test'])
})
