import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { now } from '../src/clock'
import { setLanguage } from '../src/i18n'
import { chooseRefresh } from '../src/preferences'
import type { Deliveries, Report } from '../src/views/reports/answers'
import { daysText } from '../src/views/reports/days'
import { nameOf, pageOf } from '../src/views/reports/files'
import ReportsView from '../src/views/reports/ReportsView.vue'
import { serve, type Asked } from './fixtures/server'

const MOMENT = Date.UTC(2026, 10, 27, 12, 0, 0)

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
})

function report(more: Partial<Report> = {}): Report {
  return {
    period: 'daily',
    site: 'demo.example.test',
    from: '2026-11-25T23:00:00Z',
    to: '2026-11-26T23:00:00Z',
    health: { status: 'critical', sentences: ['Open alerts: 1; the worst is high.', 'Errors in the last hour: 51; the limit is 10.'] },
    attention: [{ severity: 'HIGH', text: 'The newest backup is 3 d old', url: '' }],
    sections: [
      {
        key: 'payments',
        title: 'Payments',
        rows: [
          { label: 'Outstanding', value: '€2,153.50', change: '−€162.50', tone: 'good', note: '' },
          { label: 'Fullest disk', value: '96 %', change: '+4 %-points', tone: 'bad', note: 'disk /srv' },
        ],
      },
    ],
    errors: { total: '80', before: '136', patterns: [{ title: 'ValidationError: IBAN <iban>', count: '8', change: '+3', severity: 'HIGH' }] },
    alerts: { opened: '2', resolved: '1', open: '1', list: [{ number: 12, title: 'Slow', severity: 'LOW', status: 'Active', since: '26 Nov 10:00', url: '' }], median_ack: '12 min', median_resolve: '' },
    absent: [{ what: 'SEPA', why: 'not measured yet' }],
    language: 'en',
    time_zone: 'Europe/Amsterdam',
    until: '2026-11-27T12:00:00Z',
    timestamp: '2026-11-27T12:00:00Z',
    ...more,
  }
}

const deliveries: Deliveries = {
  recipients: [
    { name: 'beheer', channel: 'mail', language: 'nl', reports: ['daily'], me: false, next: { period: 'daily', at: '2026-11-28T06:00:00Z' } },
    { name: 'penningmeester', channel: 'mail', language: 'en', reports: [], me: false, next: null },
  ],
  sent: [
    { at: '2026-11-27T06:00:03Z', period: 'daily', from: '2026-11-25T23:00:00Z', to: '2026-11-26T23:00:00Z', recipient: 'beheer', channel: 'mail', state: 'sent', problem: '', by: '' },
    { at: '2026-11-26T06:00:03Z', period: 'daily', from: '2026-11-24T23:00:00Z', to: '2026-11-25T23:00:00Z', recipient: 'beheer', channel: 'mail', state: 'dropped', problem: 'HTTP 500', by: 'els@example.test' },
  ],
  report_at: '07:00',
  weekly_report_day: 'mon',
  time_zone: 'Europe/Amsterdam',
  timestamp: '2026-11-27T12:00:00Z',
}

async function open(more: Parameters<typeof serve>[0] = {}, query = ''): Promise<[VueWrapper, Asked[], Router]> {
  const log = serve({ 'baken.get_report': { message: report() }, 'baken.get_report_deliveries': { message: deliveries }, ...more })
  const component = { template: '' }
  const routes = [
    { name: 'reports', path: '/reports', component },
    { name: 'alerts', path: '/alerts', component },
    { name: 'settings', path: '/settings', component },
    { name: 'alert', path: '/alerts/:number', component },
  ]
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(`/reports${query}`)
  const page = mount(ReportsView, { attachTo: document.body, global: { plugins: [router] } })
  await flushPromises()
  return [page, log, router]
}

function button(page: VueWrapper, text: string) {
  const found = page.findAll('button').find((one) => one.text() === text)
  if (!found) throw new Error(`no button ${text}`)
  return found
}

test('a report is read in the page', async () => {
  const [page, log] = await open()
  expect(log[0]?.query.get('period')).toBe('daily')
  expect(log[0]?.query.get('language')).toBe('en')
  const paper = page.get('.report-paper').text()
  expect(paper).toContain('Daily report')
  expect(paper).toMatch(/Thursday,? 26 November 2026/)
  expect(paper).toContain('The newest backup is 3 d old')
  // What is good and what is not is told in words as well.
  expect(paper).toContain('−€162.50 (good)')
  expect(paper).toContain('+4 %-points (not good)')
  expect(paper).toContain('136 in the period before')
  expect(paper).toContain('Usually acknowledged after 12 min')
  expect(paper).toContain('SEPA: not measured yet')
})

test('the week, and the days before', async () => {
  const [page, log, router] = await open()
  await button(page, 'Week').trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.query).toEqual({ period: 'weekly' })
  expect(log.filter((asked) => asked.method === 'baken.get_report').at(-1)?.query.get('period')).toBe('weekly')
  await button(page, 'Day').trigger('click')
  await flushPromises()
  await button(page, 'Earlier').trigger('click')
  await flushPromises()
  // For the day before 26 November: made for a moment on the 26th.
  expect(router.currentRoute.value.query['until']).toBe('2026-11-26T11:00:00.000Z')
  await button(page, 'Newest').trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.query).toEqual({})
})

test('in another language it is asked for anew', async () => {
  const [page, log] = await open()
  await setLanguage('nl')
  await flushPromises()
  expect(log.filter((asked) => asked.method === 'baken.get_report').at(-1)?.query.get('language')).toBe('nl')
  expect(page.text()).toContain('Dagrapport')
})

test('it is sent to one of those who can be told', async () => {
  const [page, log] = await open({ 'baken.send_report': { message: { queued: true } } })
  await page.get('form select').setValue('mail: penningmeester')
  await page.get('form').trigger('submit')
  await flushPromises()
  expect(log.find((asked) => asked.method === 'baken.send_report')).toMatchObject({
    verb: 'POST',
    body: { recipient: 'penningmeester', channel: 'mail', period: 'daily', until: '' },
  })
  expect(page.get('.said').text()).toContain('penningmeester')
  expect(log.at(-1)?.method).toBe('baken.get_report_deliveries')
})

test('whoever is a recipient is chosen first', async () => {
  const [beheer, other] = deliveries.recipients
  const [page] = await open({ 'baken.get_report_deliveries': { message: { ...deliveries, recipients: [beheer, { ...other, me: true }] } } })
  expect((page.get('form select').element as HTMLSelectElement).value).toBe('mail: penningmeester')
  expect(page.get('form').text()).toContain('penningmeester (you)')
})

test('a refusal to send is told', async () => {
  const [page] = await open({ 'baken.send_report': { status: 417, body: { message: 'a report went to beheer within the last minute' } } })
  await page.get('form').trigger('submit')
  await flushPromises()
  expect(page.get('.said').text()).toContain('within the last minute')
})

test('what went out and when the next goes', async () => {
  const [page, , router] = await open()
  expect(page.text()).toContain('next: daily report, Sat 28 Nov, 07:00')
  expect(page.text()).toContain('Not sent')
  expect(page.text()).toContain('HTTP 500')
  expect(page.text()).toContain('asked for by els@example.test')
  await page.findAll('.link').at(1)?.trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.query['until']).toBe('2026-11-26T11:00:00.000Z')
})

test('without recipients the page says what is missing', async () => {
  const [page] = await open({ 'baken.get_report_deliveries': { message: { ...deliveries, recipients: [], sent: [] } } })
  expect(page.text()).toContain('Nobody is set up to be told.')
  expect(page.text()).toContain('No report about this site has been sent yet.')
  expect(page.find('form').exists()).toBe(false)
})

test('a report that cannot be had says why', async () => {
  const [page] = await open({ 'baken.get_report': { status: 500, body: { message: 'the store is busy' } } })
  expect(page.text()).toContain('the store is busy')
  expect(page.text()).toContain('Sent lately')
})

test('the file holds the report alone, and nothing that runs', async () => {
  const [page] = await open()
  const text = pageOf(report(), page.get('.report-paper').element as HTMLElement)
  expect(text).toContain('<html lang="en">')
  expect(text).toContain('Outstanding')
  expect(text).not.toMatch(/<script|<button|<svg|href=|data-v-|onclick/)
  expect(nameOf(report())).toBe('baken-demo.example.test-daily-2026-11-26')
})

test('days in words, in the site’s zone', () => {
  expect(daysText('2026-11-25T23:00:00Z', '2026-11-26T23:00:00Z', 'Europe/Amsterdam')).toMatch(/^Thursday,? 26 November 2026$/)
  expect(daysText('2026-11-19T23:00:00Z', '2026-11-26T23:00:00Z', 'Europe/Amsterdam')).toMatch(/^20\s?–\s?26 November 2026$/)
})
