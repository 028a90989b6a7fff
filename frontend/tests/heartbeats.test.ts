import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { now } from '../src/clock'
import { hostKind } from '../src/host'
import { setLanguage } from '../src/i18n'
import { chooseRefresh } from '../src/preferences'
import type { Check, ChecksAnswer, CheckState, Ping } from '../src/views/heartbeats/answers'
import HeartbeatsView from '../src/views/heartbeats/HeartbeatsView.vue'
import { asTyped, cronText, inSeconds, periodText, scheduleText } from '../src/views/heartbeats/schedule'
import { addressesOf, runsOf, runsText, snippetOf, SNIPPETS, sumOf } from '../src/views/heartbeats/words'
import { serve, type Asked } from './fixtures/server'

const MOMENT = Date.parse('2026-11-27T12:00:00Z')
const KEY = 'abcdefghijklmnopqrstuvwxyz234567abcd'
const ago = (minutes: number) => new Date(MOMENT - minutes * 60_000).toISOString()

function ping(kind: Ping['kind'], minutes: number, exit_code: number | null = null, seconds: number | null = null): Ping {
  return { at: ago(minutes), kind, exit_code, seconds }
}

function check(more: Partial<Check> = {}): Check {
  return {
    check: '0123456789abcdef', name: 'Nightly backup', state: 'up', key: KEY, period: null, cron: '30 2 * * *', time_zone: '', grace: 3600,
    expected: ago(-600), missing_at: ago(-660), too_long_at: null, started: null, last_ok: ago(30), failed_since: null, exit_code: null,
    last_ping: ago(30), last_kind: 'success', seconds: 40, pings: 2, paused_at: null, created: ago(9000), created_by: 'els',
    recent: [ping('start', 31), ping('success', 30, null, 40)], ...more,
  }
}

function answer(checks: Check[], more: Partial<ChecksAnswer> = {}): ChecksAnswer {
  return { checks, most: 100, time_zone: 'UTC', heartbeats: [], timestamp: new Date(MOMENT).toISOString(), ...more }
}

const PREVIEW = { times: [ago(-60), ago(-120)], time_zone: 'Europe/Amsterdam', problems: [] }

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
  hostKind.value = 'server'
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true
  }
  HTMLDialogElement.prototype.close = function () {
    this.open = false
    this.dispatchEvent(new Event('close'))
  }
})

async function open(found: ChecksAnswer, more: Parameters<typeof serve>[0] = {}, query = ''): Promise<[VueWrapper, Asked[]]> {
  const log = serve({
    'baken.get_checks': { message: found },
    'baken.get_check_pings': { message: { pings: [ping('fail', 1, 3, 2)] } },
    'baken.preview_check': { message: PREVIEW },
    'baken.save_check': { message: { saved: true, check: null, problems: [] } },
    'baken.pause_check': { message: { paused: true } },
    'baken.delete_check': { message: { deleted: true } },
    'baken.renew_check': { message: { key: KEY } },
    ...more,
  })
  const routes = [{ name: 'heartbeats', path: '/monitoring_dashboard/heartbeats', component: { template: '' } }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(`/monitoring_dashboard/heartbeats${query}`)
  const page = mount(HeartbeatsView, { global: { plugins: [router] }, attachTo: document.body })
  await flushPromises()
  return [page, log]
}

function button(page: VueWrapper, text: string) {
  const found = page.findAll('button').find((one) => one.text() === text)
  if (!found) throw new Error(`no button ${text}`)
  return found
}

test('spans as they are typed, and back', () => {
  expect(asTyped(600)).toEqual({ count: 10, unit: 'minutes' })
  expect(asTyped(7200)).toEqual({ count: 2, unit: 'hours' })
  expect(asTyped(86_400)).toEqual({ count: 1, unit: 'days' })
  expect(asTyped(90)).toEqual({ count: 2, unit: 'minutes' })
  for (const seconds of [60, 300, 3600, 5400, 86_400, 604_800]) {
    const { count, unit } = asTyped(seconds)
    expect(inSeconds(count, unit)).toBe(seconds)
  }
  expect(periodText(3600)).toBe('every hour')
  expect(periodText(600)).toBe('every 10 minutes')
})

test.each([
  ['30 2 * * *', 'daily at 02:30', 'dagelijks om 02:30'],
  ['0 6,18 * * *', 'daily at 06:00 and 18:00', 'dagelijks om 06:00 en 18:00'],
  ['0 9 * * 1-5', 'Monday to Friday at 09:00', 'maandag tot en met vrijdag om 09:00'],
  ['15 22 * * SUN', 'Sunday at 22:15', 'zondag om 22:15'],
  ['15 22 * * 2,7', 'Tuesday and Sunday at 22:15', 'dinsdag en zondag om 22:15'],
  ['*/15 * * * *', 'every 15 minutes', 'elke 15 minuten'],
  ['* * * * *', 'every minute', 'elke minuut'],
  ['5 * * * *', 'every hour, 5 minutes past', 'elk uur, 5 minuten over heel'],
  ['0 */6 * * *', 'every 6 hours', 'elke 6 uur'],
  ['0 3 1 * *', 'monthly on day 1 at 03:00', 'maandelijks op dag 1 om 03:00'],
])('%s in words', async (cron, english, dutch) => {
  expect(cronText(cron)).toBe(english)
  await setLanguage('nl')
  expect(cronText(cron)).toBe(dutch)
})

test.each(['0 3 1 1 *', '0 3 1 * 1', '*/7 * * * *', '0 */5 * * *', '0 8-18 * * *', '0 3 L * *', '1,2,3,4 3 * * *', 'nonsense', '', '99 3 * * *'])(
  '%s is left as it is',
  (cron) => expect(cronText(cron)).toBeNull(),
)

test('the zone of its times is told where the page shows others', () => {
  expect(scheduleText(check({ time_zone: 'Asia/Tokyo' }), 'UTC')).toBe('daily at 02:30 (Asia/Tokyo)')
  expect(scheduleText(check({ period: 600, time_zone: 'Asia/Tokyo' }), 'UTC')).toBe('every 10 minutes')
})

test('one sentence says how all of them stand', () => {
  const of = (...states: CheckState[]) => sumOf(states.map((state) => check({ state })))
  expect(of('up', 'running')).toEqual({ shade: 'ok', text: 'All 2 jobs report in time' })
  expect(of('up', 'late', 'too_long')).toMatchObject({ shade: 'attention', text: '2 of 3 jobs take longer than usual' })
  expect(of('missing', 'late', 'paused')).toMatchObject({ shade: 'critical', text: '1 of 2 jobs needs somebody' })
  expect(of('new', 'paused').shade).toBe('unknown')
})

test('each run is drawn once, by its end', () => {
  const pings = [ping('start', 9), ping('success', 8), ping('log', 7), ping('start', 6), ping('fail', 5, 1), ping('start', 1)]
  expect(runsOf(pings).map((one) => one.kind)).toEqual(['success', 'log', 'fail', 'start'])
  expect(runsText(pings)).toBe('Last runs: 1 went well, 1 failed')
})

test('the lines to copy call the address of the host that serves the page', () => {
  const own = addressesOf(KEY, 'https://baken.example', 'server')
  expect(own).toEqual({ success: `https://baken.example/ping/${KEY}`, start: `https://baken.example/ping/${KEY}/start`, fail: `https://baken.example/ping/${KEY}/fail`, exit: `https://baken.example/ping/${KEY}/$?` })
  const frappe = addressesOf(KEY, 'https://leden.example', 'frappe')
  expect(frappe.exit).toBe(`https://leden.example/api/method/baken.ping_check?key=${KEY}&exit_code=$?`)
  for (const kind of SNIPPETS) {
    for (const each of [own, frappe]) {
      const text = snippetOf(kind, each, '30 2 * * *', 'leden.example')
      expect(text).toContain(KEY)
      // A shell reads & and ? otherwise.
      if (kind !== 'python') for (const line of text.split('\n').filter((one) => one.includes('http'))) expect(line).toMatch(/"https:[^"]+"/)
    }
  }
  expect(snippetOf('cron', own, '30 2 * * *', 'leden.example')).toMatch(/^30 2 \* \* \* .*; curl .*\/\$\?"$/)
})

test('shows each job with its state in words, when it is expected, and its address', async () => {
  const [page] = await open(answer([check({ name: 'Import', state: 'failed', exit_code: 3, failed_since: ago(45), cron: '', period: 600 }), check()]))
  const rows = page.findAll('.job')
  expect(rows[0]?.text()).toContain('Failed')
  expect(rows[0]?.text()).toContain('last with exit code 3')
  expect(rows[0]?.text()).toContain('every 10 minutes')
  expect(rows[1]?.text()).toContain('In time')
  expect(rows[1]?.get('svg.bars').attributes('aria-label')).toBe('Last runs: 1 went well, 0 failed')
  expect(rows[1]?.text()).not.toContain(KEY)
  const details = rows[1]?.get('details').element as HTMLDetailsElement
  details.open = true
  details.dispatchEvent(new Event('toggle'))
  await flushPromises()
  expect(rows[1]?.text()).toContain(`/ping/${KEY}`)
  expect(rows[1]?.text()).toContain('failed, exit code 3, 2 s')
})

test('nothing yet: says what it is for, and begins', async () => {
  const [page] = await open(answer([]))
  expect(page.text()).toContain('No job reports to Baken yet.')
  await button(page, 'Add the first job').trigger('click')
  await flushPromises()
  expect(page.get('dialog h2').text()).toBe('Add a job')
})

test('adds a job: the next times follow, what is wrong stands at its field', async () => {
  const problems = [{ field: 'cron', text: 'that never comes: no day fits it' }]
  const [page, log] = await open(answer([check()]), { 'baken.save_check': { message: { saved: false, check: null, problems } } }, '?add=1')
  expect(page.findAll('dialog .next li')).toHaveLength(2)
  await page.get('dialog form').trigger('submit')
  expect(page.get('dialog').text()).toContain('Give it a name.')
  expect(log.some((one) => one.method === 'baken.save_check')).toBe(false)
  await page.get('dialog input').setValue('Bank import')
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  const sent = log.find((one) => one.method === 'baken.save_check')
  expect(sent?.body).toMatchObject({ name: 'Bank import', cron: '30 2 * * *', grace: 3600 })
  expect(page.get('dialog').text()).toContain('that never comes: no day fits it')
  expect(page.get('[aria-invalid=true]').element).toBe(page.findAll('dialog input')[1]?.element)
})

test('pauses, gives another address, and deletes only when asked twice', async () => {
  const [page, log] = await open(answer([check()]))
  await page.get('[aria-label="Pause Nightly backup"]').trigger('click')
  await flushPromises()
  expect(log.find((one) => one.method === 'baken.pause_check')?.body).toMatchObject({ check: '0123456789abcdef' })
  expect(page.text()).toContain('nobody waits for it')
  await page.get('[aria-label="Delete Nightly backup"]').trigger('click')
  expect(log.some((one) => one.method === 'baken.delete_check')).toBe(false)
  const asked = page.findAll('dialog button').find((one) => one.text() === 'Delete')
  await asked?.trigger('click')
  await flushPromises()
  expect(log.filter((one) => one.method === 'baken.delete_check')).toHaveLength(1)
})

test('shows whom Baken itself reports to, and how that went', async () => {
  const beats = [
    { host: 'hc.example', every: 60, fail: true, said: 'ok' as const, at: ago(1), last_ok: ago(1), problem: '' },
    { host: 'other.example', every: 60, fail: true, said: 'fail' as const, at: ago(1), last_ok: ago(90), problem: 'it does not answer' },
  ]
  const [page] = await open(answer([check()], { heartbeats: beats }))
  expect(page.text()).toContain('Told that Baken is well')
  expect(page.text()).toContain('Not taken')
  expect(page.text()).toContain('it does not answer')
  const [hidden] = await open(answer([check()], { heartbeats: null }))
  expect(hidden.text()).not.toContain('Who watches Baken')
})
