import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import type { Alert, AlertDetail } from '../src/api/alerts'
import { now } from '../src/clock'
import { setLanguage } from '../src/i18n'
import { chooseRefresh } from '../src/preferences'
import { session } from '../src/session'
import AlertView from '../src/views/alert/AlertView.vue'
import { timelineOf } from '../src/views/alert/timeline'
import { acknowledged, ago, alert, alertDetail, changed, ELS, ME, MOMENT, resolved, silence, SITE } from './fixtures/alerts'
import { serve, type Asked } from './fixtures/server'

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
  session.value = { user: ME, full_name: 'Admin', roles: ['System Manager'], site: SITE, sites: [SITE], csrf_token: 'x' }
})

async function open(given: Partial<AlertDetail> = {}, own: Partial<Alert> = {}, more: Parameters<typeof serve>[0] = {}, number = '15'): Promise<[VueWrapper, Asked[], Router]> {
  const log = serve({
    'baken.get_alert': { message: alertDetail(given, own) },
    'verenigingen.www.monitoring_dashboard.get_active_alerts': { message: [alert(15)] },
    ...more,
  })
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { name: 'alerts', path: '/alerts', component: { template: '' } },
      { name: 'alert', path: '/alerts/:number', component: AlertView },
      { name: 'error-pattern', path: '/errors/:pattern', component: { template: '' } },
    ],
  })
  await router.push(`/alerts/${number}`)
  const page = mount(AlertView, { global: { plugins: [router] }, attachTo: document.body })
  await flushPromises()
  return [page, log, router]
}

function section(page: VueWrapper, title: string): VueWrapper {
  const found = page.findAll('section').find((one) => one.find('h2').exists() && one.get('h2').text() === title)
  if (!found) throw new Error(`no section ${title}`)
  return found as unknown as VueWrapper
}

async function press(page: VueWrapper, text: string): Promise<void> {
  const found = page.findAll('button').find((one) => one.text() === text)
  expect(found, text).toBeDefined()
  await found?.trigger('click')
  await flushPromises()
}

const bodies = (log: Asked[], method: string) => log.filter((one) => one.method === method).map((one) => one.body)

test('tells what, how bad, the figure against its limit, since when, and what to do', async () => {
  const [page, log] = await open()
  expect(log[0]?.query.get('number')).toBe('15')
  expect(page.get('h1').text()).toBe('42 errors in the last hour')
  for (const part of ['Critical', 'Active', 'BA-000015', 'More errors were logged than usual.', SITE, 'limit 10', '25 minutes ago', 'Nobody has acknowledged it. Escalates in 9 min.']) expect(page.text()).toContain(part)
  expect(section(page, 'What to do').text()).toContain('Look at the pattern that is new.')
  expect(section(page, 'What to do').get('a').attributes()).toMatchObject({ href: 'https://docs.example.org/errors', rel: 'noreferrer noopener' })
})

test.each(['javascript:alert(1)', 'docs/runbook.md#high_error_rate'])('%s is no web address and is left out', async (runbook) => {
  const detail = alertDetail()
  const [page] = await open({ rule: { ...detail.rule!, runbook } })
  expect(section(page, 'What to do').text()).toContain('Look at the pattern that is new.')
  expect(section(page, 'What to do').find('a').exists()).toBe(false)
  expect(section(page, 'What to do').text()).not.toContain(runbook)
})

test('the chart has its limit and moments, and is a table on request', async () => {
  const [page] = await open()
  const figure = page.get('figure')
  expect(figure.get('.field').attributes('aria-label')).toMatch(/^Course of Frappe errors\. between 0 and 44, last 44 \(.+\)\. limit 10\.$/)
  expect(figure.findAll('.notes li').map((one) => one.text().replace(/\s+\S+$/, ''))).toEqual(['Fired', 'Escalated'])
  await press(page, 'Show as table')
  expect(page.findAll('figure tbody tr')).toHaveLength(60)
  expect(page.get('figure tbody td').text()).toBe('44')
})

test('without a course it says so', async () => {
  const [page] = await open({ chart: null })
  expect(page.find('figure').exists()).toBe(false)
  expect(page.text()).toContain('There is no course of a single figure')
})

test('the timeline tells what happened, who did it and who was told, the newest first', async () => {
  const [page] = await open()
  const entries = section(page, 'What happened').findAll('ol > li').map((one) => one.text())
  expect(entries[0]).toContain('Still to be told Escalated, bestuur over ntfy')
  expect(entries[0]).toContain("outside the recipient's hours")
  expect(entries[1]).toContain('Escalated step 2')
  expect(entries[2]).toContain('I am looking at it')
  expect(entries[2]).toContain(ELS)
  expect(entries[3]).toContain('Told beheer over mail')
  // The same failure again and again is one line.
  expect(entries[4]).toContain('Not delivered 2×')
  expect(entries[4]).toContain('connection refused')
  expect(entries[5]).toContain('Fired 12 (limit 10)')
  expect(entries).toHaveLength(6)
})

test('what was sent is told once, and by the outbox where the trail does not', () => {
  const { notifications } = alertDetail()
  const sent = notifications.filter((one) => one.state === 'sent')
  expect(timelineOf({ trail: [], notifications: sent }).map((one) => one.kind)).toEqual(['notified'])
  expect(timelineOf({ trail: alertDetail().trail, notifications: sent }).filter((one) => one.kind === 'notified')).toHaveLength(1)
})

test('failures are counted past other messages, but not past what people did', () => {
  const failed = (minutes: number, channel = 'mail') => ({ at: ago(minutes), kind: 'notification_failed', user: '', text: 'refused', detail: { channel, recipient: 'beheer' } })
  const trail = [failed(9), { at: ago(8), kind: 'notified', user: '', text: '', detail: { channel: 'ntfy', recipient: 'els' } }, failed(7), failed(6, 'other'), { at: ago(5), kind: 'acknowledged', user: ELS, text: '', detail: {} }, failed(4)]
  expect(timelineOf({ trail, notifications: [] }).map((one) => [one.kind, one.times, one.at])).toEqual([
    ['notification_failed', 1, ago(4)],
    ['acknowledged', 1, ago(5)],
    ['notification_failed', 1, ago(6)],
    ['notification_failed', 2, ago(7)],
    ['notified', 1, ago(8)],
  ])
})

test('why it fires, and what happened earlier', async () => {
  const [page] = await open()
  const why = section(page, 'Why it fires')
  for (const part of ['frappe_errors{window=1h} > 10', 'fires after 2 min', 'over after 5 min without', 'Ten errors an hour']) expect(why.text()).toContain(part)
  expect(why.get('a').attributes('href')).toBe('/alerts?tab=rules&rule=HIGH_ERROR_RATE')
  expect(section(page, 'Earlier').text()).toContain('42 · lasted 1.5 h · over by itself · False alarm')
  expect(section(page, 'Earlier').get('a').attributes('href')).toBe('/alerts/8')
})

test('acknowledging carries the note along, which is empty afterwards', async () => {
  const [page, log] = await open({}, {}, { 'baken.acknowledge_alerts': { message: changed([15], acknowledged(ME, 0)) } })
  await page.get('textarea').setValue('I restart the worker')
  await press(page, 'Acknowledge')
  expect(bodies(log, 'baken.acknowledge_alerts')).toEqual([{ alerts: '15', note: 'I restart the worker' }])
  expect((page.get('textarea').element as HTMLTextAreaElement).value).toBe('')
})

test('somebody who was faster is named, the words stay, and the page shows how it stands now', async () => {
  const now = changed([], acknowledged(ELS, 1), [{ number: 15, reason: 'x' }])
  const [page] = await open({}, {}, { 'baken.acknowledge_alerts': { message: now } })
  await page.get('textarea').setValue('Mine')
  await press(page, 'Acknowledge')
  expect(page.get('[role=status] .notice').text()).toContain(`already acknowledged by ${ELS}`)
  expect((page.get('textarea').element as HTMLTextAreaElement).value).toBe('Mine')
})

test('a comment needs words', async () => {
  const [page, log] = await open({}, {}, { 'baken.comment_alert': { message: changed([15], {}) } })
  const button = () => page.findAll('button').find((one) => one.text() === 'Comment')
  expect(button()?.attributes('disabled')).toBeDefined()
  await page.get('textarea').setValue('Seen before')
  expect(button()?.attributes('disabled')).toBeUndefined()
  await press(page, 'Comment')
  expect(bodies(log, 'baken.comment_alert')).toEqual([{ alert: '15', text: 'Seen before' }])
})

test('a resolved alert can be reopened, and that undone', async () => {
  const [page, log] = await open({}, resolved(ELS), {
    'baken.reopen_alerts': { message: changed([15], {}) },
    'baken.resolve_alerts': { message: changed([15], resolved(ME, 0)) },
  })
  expect(page.findAll('button').map((one) => one.text())).not.toContain('Acknowledge')
  expect(section(page, 'State').text()).toContain(ELS)
  await press(page, 'Reopen')
  await press(page, 'Undo')
  expect(bodies(log, 'baken.resolve_alerts')).toEqual([{ alerts: '15' }])
})

test('useful or a false alarm, and the same again withdraws it', async () => {
  const [page, log] = await open({}, { feedback: 'useful' }, { 'baken.rate_alerts': { message: changed([15], {}) } })
  expect(page.findAll('[aria-pressed=true]').map((one) => one.text())).toEqual(['Useful'])
  await press(page, 'Useful')
  await press(page, 'False alarm')
  expect(bodies(log, 'baken.rate_alerts')).toEqual([{ alerts: '15', feedback: '' }, { alerts: '15', feedback: 'false_alarm' }])
})

test('silence this, for a week', async () => {
  const [page, log] = await open({}, {}, { 'baken.add_silence': { message: { silence: silence(9) } } })
  await press(page, 'Silence…')
  await flushPromises()
  const dialog = page.get('dialog')
  // One without labels is its rule: there is nothing to choose.
  expect(dialog.find('input[name=scope]').exists()).toBe(false)
  await dialog.findAll('input[name=span]')[3]?.setValue(true)
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.add_silence')).toEqual([{ matchers: { rule: 'HIGH_ERROR_RATE' }, comment: '', hours: 168 }])
  expect(page.find('dialog').exists()).toBe(false)
})

test('a silence that is refused stays open on the alert as well', async () => {
  const [page] = await open({}, {}, { 'baken.add_silence': { status: 417, body: { message: 'a silence lasts at most 90 days' } } })
  await press(page, 'Silence…')
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  expect(page.get('dialog [role=alert]').text()).toBe('That did not work: a silence lasts at most 90 days')
})

test('what cannot be judged now is told with the reason', async () => {
  const [page] = await open({}, { unknown: { since: ago(7), reason: 'SEPA Audit Log took too long' } })
  expect(page.get('.unknown').text()).toContain('SEPA Audit Log took too long')
})

test('an alert about a pattern of errors leads to it', async () => {
  const [page] = await open({}, { labels: { pattern: 'ca29644b6fb1a09a' } })
  expect(section(page, 'What to do').get('a').attributes('href')).toBe('/errors/ca29644b6fb1a09a')
  expect(page.get('.place').text()).not.toContain('ca29644b6fb1a09a')
})

test('an alert that does not exist is not an outage', async () => {
  const [page] = await open({}, {}, { 'baken.get_alert': { status: 417, body: { exc_type: 'ValidationError', message: 'there is no alert' } } }, '999')
  expect(page.text()).toContain('This alert does not exist')
  expect(page.text()).toContain('There is no alert 999 of this site.')
  expect(page.text()).not.toContain('Try again')
})

test('what is no number is not asked for', async () => {
  const [page, log] = await open({}, {}, {}, 'abc')
  expect(page.text()).toContain('This alert does not exist')
  expect(bodies(log, 'baken.get_alert')).toHaveLength(0)
})

test('another failure can be tried again', async () => {
  let broken = true
  const [page] = await open({}, {}, { 'baken.get_alert': () => (broken ? { status: 417, body: { message: 'busy' } } : { message: alertDetail() }) })
  expect(page.text()).toContain('busy')
  broken = false
  await press(page, 'Try again')
  expect(page.get('h1').text()).toBe('42 errors in the last hour')
})

test('another number is another alert', async () => {
  const [page, log, router] = await open()
  await router.push('/alerts/8')
  await flushPromises()
  expect(log.filter((one) => one.method === 'baken.get_alert').at(-1)?.query.get('number')).toBe('8')
  expect(page.exists()).toBe(true)
})

test('everything that may be absent may be absent, in Dutch too', async () => {
  await setLanguage('nl')
  const [page] = await open({ chart: null, rule: null, earlier: [], trail: [], notifications: [] }, { value: null, limit: null, began: null, fired: null, last_seen: null, advice: '', message: '', step_due: null, area: '' })
  expect(page.get('h1').text()).toBe('42 fouten in het laatste uur')
  expect(page.text()).toContain('De regel HIGH_ERROR_RATE is er niet meer.')
  expect(page.text()).toContain('De eerste melding van deze soort hier.')
  expect(page.text()).not.toMatch(/null|undefined|NaN/)
})
