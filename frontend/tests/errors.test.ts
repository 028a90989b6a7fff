import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { now } from '../src/clock'
import { setLanguage } from '../src/i18n'
import { chooseRange } from '../src/range'
import { chooseRefresh } from '../src/preferences'
import { session } from '../src/session'
import ErrorsView from '../src/views/errors/ErrorsView.vue'
import { analysis, findings, heatmapAnswer, hotspots, MOMENT, pattern, patternsAnswer } from './fixtures/errors'
import { serve, type Asked } from './fixtures/server'

const ENGINE = 'verenigingen.utils.analytics_engine'

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
  chooseRange('24h')
  session.value = null
})

interface Opened {
  page: VueWrapper
  log: Asked[]
  router: Router
}

async function open(query = '', more: Parameters<typeof serve>[0] = {}): Promise<Opened> {
  const log = serve({
    'baken.get_error_patterns': (asked) => ({ message: patternsAnswer(asked.query) }),
    'baken.get_error_findings': { message: findings() },
    'baken.get_error_heatmap': { message: heatmapAnswer() },
    [`${ENGINE}.identify_error_hotspots`]: { message: hotspots() },
    [`${ENGINE}.analyze_error_patterns`]: { message: analysis() },
    'baken.set_error_state': { message: { changed: [], patterns: [] } },
    'baken.merge_error_patterns': { message: { changed: [], patterns: [] } },
    'baken.separate_error_pattern': { message: { changed: [], patterns: [] } },
    ...more,
  })
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { name: 'errors', path: '/errors', component: ErrorsView },
      { name: 'error-pattern', path: '/errors/:pattern', component: { template: '' } },
    ],
  })
  await router.push(`/errors${query}`)
  const page = mount(ErrorsView, { global: { plugins: [router] }, attachTo: document.body })
  await flushPromises()
  return { page, log, router }
}

const rows = (page: VueWrapper) => page.findAll('.stream > li')
const button = (page: VueWrapper, text: string) => page.findAll('button').find((one) => one.text() === text)
const asked = (log: Asked[], method: string) => log.filter((one) => one.method === method)

async function press(page: VueWrapper, text: string): Promise<void> {
  const found = button(page, text)
  expect(found, text).toBeDefined()
  await found?.trigger('click')
  await flushPromises()
}

async function select(page: VueWrapper, row: number): Promise<void> {
  await rows(page)[row]?.get('input[type=checkbox]').setValue(true)
}

test('one sentence says how much, in how many patterns, what is new and what came back', async () => {
  const { page } = await open()
  expect(page.get('.sentence').text()).toBe('125 errors in 24 hours as 6 patterns; 1 is new since erpnext 15.31.2, 1 came back.')
  await setLanguage('nl')
  await flushPromises()
  expect(page.get('.sentence').text()).toBe('125 fouten in 24 uur in 6 patronen; 1 is nieuw sinds erpnext 15.31.2, 1 kwam terug.')
})

test('what is new without the release is told apart, and a narrowed list tells of all patterns', async () => {
  const answer = patternsAnswer()
  answer.news.new = 3
  const { page } = await open('', { 'baken.get_error_patterns': { message: answer } })
  expect(page.get('.sentence').text()).toContain('3 are new (1 of them since erpnext 15.31.2)')
  page.unmount()
  const narrowed = await open('?severity=HIGH', { 'baken.get_error_patterns': { message: answer } })
  expect(narrowed.page.get('.sentence').text()).toContain('3 are new (1 of them since erpnext 15.31.2), 1 came back')
})

test('a pattern says what, where, how bad, how often, whom and since when', async () => {
  const { page } = await open()
  const text = rows(page)[1]?.text() ?? ''
  for (const part of ['OperationalError', 'Deadlock found', 'Critical', 'Database', 'Scheduler', 'erpnext › Sales Invoice', 'New', 'rising', '11', '8.8%', 'System 14', '9 hr ago']) {
    expect(text).toContain(part)
  }
  expect(rows(page)[1]?.get('a').attributes('href')).toBe('/errors/0000000000000002')
})

test('unknown users are not nobody', async () => {
  const { page } = await open()
  expect(rows(page)[1]?.get('.users').text()).toContain('users not known')
  expect(rows(page)[3]?.get('.users').text()).toContain('0')
})

test('a trend without significance has no arrow', async () => {
  const { page } = await open()
  expect(rows(page)[0]?.find('.trend').exists()).toBe(false)
  expect(rows(page)[3]?.find('.trend').exists()).toBe(false)
})

test('what was dealt with is hidden, counted, and shown when asked for', async () => {
  const { page, log, router } = await open()
  expect(page.text()).toContain('1 hidden: 1 known')
  expect(page.text()).not.toContain('Postcode')
  await press(page, 'Show them')
  expect(router.currentRoute.value.query).toEqual({ state: 'all', range: '24h' })
  expect(asked(log, 'baken.get_error_patterns').at(-1)?.query.has('state')).toBe(false)
  expect(page.text()).toContain('Postcode')
  expect(rows(page).at(-1)?.text()).toContain('Wording of the form will change.')
})

test('the address holds the filters, and they go to the server', async () => {
  const { log } = await open('?hours=168&severity=HIGH&search=mandate&sort=users&state=known&nonsense=1')
  const query = asked(log, 'baken.get_error_patterns')[0]?.query
  expect(Object.fromEntries(query ?? [])).toEqual({ hours: '168', severity: 'HIGH', search: 'mandate', sort: 'users', state: 'known', limit: '25' })
})

test('clearing the filters asks for nothing once more after the pause', async () => {
  const { page, router } = await open('?search=deadlock')
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  await press(page, 'Clear filters')
  const replaced = vi.spyOn(router, 'replace')
  await vi.advanceTimersByTimeAsync(400)
  vi.useRealTimers()
  await flushPromises()
  expect(router.currentRoute.value.query['search']).toBeUndefined()
  expect(replaced).not.toHaveBeenCalled()
})

test('typing searches once, after a pause', async () => {
  const { page, log, router } = await open()
  const before = asked(log, 'baken.get_error_patterns').length
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  await page.get('input[type=search]').setValue('dead')
  await page.get('input[type=search]').setValue('deadlock')
  expect(asked(log, 'baken.get_error_patterns')).toHaveLength(before)
  await vi.advanceTimersByTimeAsync(400)
  vi.useRealTimers()
  await flushPromises()
  expect(router.currentRoute.value.query['search']).toBe('deadlock')
  expect(asked(log, 'baken.get_error_patterns')).toHaveLength(before + 1)
  expect(rows(page)).toHaveLength(1)
})

test('a filter that fits nothing says so and can be cleared', async () => {
  const { page, router } = await open('?search=nothing-like-this')
  expect(page.text()).toContain('No pattern fits.')
  expect(page.text()).not.toContain('No errors in 24 hours')
  await press(page, 'Clear filters')
  expect(router.currentRoute.value.query).toEqual({ range: '24h' })
  expect(rows(page).length).toBeGreaterThan(0)
})

test('selected patterns are marked as known by POST, and undone to the state in which each was', async () => {
  const { page, log } = await open()
  await select(page, 0)
  await select(page, 2)
  expect(page.get('.bulk').text()).toContain('2 selected')
  await press(page, 'Mark as known')
  const ids = '0000000000000001,0000000000000003'
  expect(asked(log, 'baken.set_error_state').at(-1)).toMatchObject({ verb: 'POST', body: { patterns: ids, state: 'known' } })
  expect(page.get('[role=status] .notice').text()).toContain('2 patterns marked as known.')
  expect(page.find('.bulk').exists()).toBe(false)
  await press(page, 'Undo')
  expect(asked(log, 'baken.set_error_state').at(-1)?.body).toMatchObject({ patterns: ids, state: 'open', note: '' })
  expect(page.text()).toContain('Undone.')
})

test('mute offers until it escalates, or for a time', async () => {
  const { page, log } = await open()
  await select(page, 0)
  await press(page, 'Mute')
  await press(page, 'For 1 day')
  expect(asked(log, 'baken.set_error_state').at(-1)?.body).toMatchObject({ state: 'muted', hours: 24 })
})

test('merging asks which one stays, and undo separates', async () => {
  const { page, log } = await open()
  await select(page, 0)
  await select(page, 1)
  await press(page, 'Merge')
  const dialog = page.get('dialog')
  expect(dialog.findAll('input[type=radio]')).toHaveLength(2)
  await dialog.findAll('input[type=radio]')[1]?.setValue(true)
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(asked(log, 'baken.merge_error_patterns').at(-1)?.body).toEqual({ patterns: '0000000000000001', into: '0000000000000002' })
  await press(page, 'Undo')
  expect(asked(log, 'baken.separate_error_pattern').at(-1)?.body).toEqual({ pattern: '0000000000000001' })
})

test('an action that fails says why and changes nothing', async () => {
  const { page } = await open('', { 'baken.set_error_state': { status: 417, body: { exc_type: 'ValidationError', message: 'no such pattern' } } })
  await select(page, 0)
  await press(page, 'Resolve')
  expect(page.get('[role=status] .notice').text()).toContain('That did not work: no such pattern')
  expect(page.get('.bulk').text()).toContain('1 selected')
})

test('findings say what was found and what to do', async () => {
  const { page } = await open()
  const text = page.get('.findings').text()
  for (const part of ['4 errors in the Error Log show credentials', 'Bearer token', 'Withdraw the token', '3 errors never reached', 'Shorten the titles', '1 source is not read in full', 'permission denied', 'No personal data kept']) {
    expect(text).toContain(part)
  }
})

test('without findings it is quiet', async () => {
  const { page } = await open('', { 'baken.get_error_findings': { message: { leaks: [], lost: [], sources: [] } } })
  expect(page.find('.finding').exists()).toBe(false)
  expect(page.get('.findings').text()).toContain('No credentials found')
})

test('each part fails by itself', async () => {
  const { page } = await open('', { 'baken.get_error_findings': { status: 417, body: { message: 'no table' } } })
  expect(page.get('.findings').text()).toContain('Whether there are findings is not known. no table')
  expect(page.get('.findings').text()).not.toContain('No credentials found')
  expect(rows(page)).toHaveLength(5)
})

test('whoever may not see it is told so', async () => {
  const { page } = await open('', { 'baken.get_error_patterns': { status: 403, body: { message: 'no' } } })
  expect(page.text()).toContain('Your account may not see this.')
  expect(page.text()).not.toContain('No errors')
})

test('an unread log is not "no errors"', async () => {
  const unread = { ...patternsAnswer(), total: null, patterns: [], by_hour: [], absent: { errors: 'The log was never read.' } }
  const { page } = await open('', { 'baken.get_error_patterns': { message: unread } })
  expect(page.text()).toContain('How many errors there were is not known.')
  expect(page.text()).toContain('The log was never read.')
  expect(page.text()).not.toContain('No errors in')
})

test('what was not read yet is asked for again soon', async () => {
  let read = false
  const unread = { ...patternsAnswer(), total: null, patterns: [], by_hour: [] }
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  const { page } = await open('', { 'baken.get_error_patterns': () => ({ message: read ? patternsAnswer() : unread }) })
  read = true
  await vi.advanceTimersByTimeAsync(11_000)
  expect(rows(page)).toHaveLength(6)
})

test('more patterns come when asked for', async () => {
  const many = Array.from({ length: 25 }, (_, i) => pattern(i))
  const { page, log } = await open('', { 'baken.get_error_patterns': { message: { ...patternsAnswer(), patterns: many, matching: 30 } } })
  await press(page, 'Show 5 more')
  expect(asked(log, 'baken.get_error_patterns').at(-1)?.query.get('limit')).toBe('50')
})

test('when: the heat map begins on Monday and can be read as a table', async () => {
  const { page, log } = await open('?tab=when')
  expect(asked(log, 'baken.get_error_heatmap')[0]?.query.get('days')).toBe('28')
  expect(page.get('.map').attributes('aria-label')).toContain('Most on Monday at 01:00: 40.')
  expect(page.text()).toContain('time of Europe/Amsterdam')
  const figure = page.findAll('figure').at(-1)
  await figure?.get('button').trigger('click')
  const table = figure?.get('table')
  expect(table?.findAll('thead th').map((one) => one.text())).toEqual(['Hour from', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])
  expect(table?.findAll('tbody tr')).toHaveLength(24)
  expect(table?.findAll('tbody tr')[1]?.findAll('td').map((one) => one.text())).toEqual(Array(7).fill('40'))
})

test('where: hotspots follow the chosen range and lead to their patterns', async () => {
  const { page, log } = await open('?tab=where&hours=168')
  expect(asked(log, `${ENGINE}.identify_error_hotspots`)[0]?.query.get('days')).toBe('7')
  const text = page.text()
  for (const part of ['erpnext: Sales Invoice', 'Place unknown', 'Finance', '3 users hit', 'Monday 01:00–02:00', '6.6 times what is usual']) {
    expect(text).toContain(part)
  }
  const area = page.findAll('a').find((one) => one.text() === 'erpnext: Sales Invoice')
  expect(area?.attributes('href')).toBe('/errors?area=erpnext:+Sales+Invoice&range=7d')
})

test('insights look at a month when the range is a day', async () => {
  const { page, log } = await open('?tab=insights')
  expect(asked(log, `${ENGINE}.analyze_error_patterns`)[0]?.query.get('days')).toBe('30')
  expect(page.text()).toContain('All errors together: rises by 1.4 a day (p = 0.01).')
  expect(page.text()).toContain('51% of the errors are of one pattern: OperationalError: (n, Deadlock)')
  // A sentence of a kind that the page does not know is shown as it came.
  expect(page.text()).toContain('Retry the submission')
  await setLanguage('nl')
  await flushPromises()
  expect(page.text()).toContain('51% van de fouten is van één patroon')
})

test('a tab that failed is retried alone', async () => {
  let broken = true
  const { page, log } = await open('?tab=when', {
    'baken.get_error_heatmap': () => (broken ? { status: 417, body: { message: 'too busy' } } : { message: heatmapAnswer() }),
  })
  expect(page.text()).toContain('too busy')
  const before = asked(log, 'baken.get_error_patterns').length
  broken = false
  await press(page, 'Try again')
  expect(page.find('.map').exists()).toBe(true)
  expect(asked(log, 'baken.get_error_patterns')).toHaveLength(before)
})

test('when the server goes away the patterns stay, with since when', async () => {
  let gone = false
  const { page } = await open('', {
    'baken.get_error_patterns': (one) => (gone ? new TypeError('Failed to fetch') : { message: patternsAnswer(one.query) }),
  })
  gone = true
  await press(page, 'Refresh now')
  expect(page.text()).toContain('No connection since')
  expect(rows(page)).toHaveLength(5)
})
