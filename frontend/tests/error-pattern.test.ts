import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import type { PatternDetail, PatternsAnswer } from '../src/api/types'
import { now } from '../src/clock'
import { chooseRefresh } from '../src/preferences'
import { session } from '../src/session'
import ErrorPatternView from '../src/views/error-pattern/ErrorPatternView.vue'
import { ago, MOMENT, patternDetail, patternsAnswer } from './fixtures/errors'
import { serve, type Asked } from './fixtures/server'

const ID = '0000000000000002'

/** The list, in which an id finds its pattern. */
function found(query: URLSearchParams): PatternsAnswer {
  const all = patternsAnswer()
  return query.get('search') === ID ? { ...all, patterns: all.patterns.filter((one) => one.pattern === ID) } : all
}

beforeEach(() => {
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date'] })
  now.value = MOMENT
  chooseRefresh(0)
  session.value = null
})

async function open(given: Partial<PatternDetail> = {}, more: Parameters<typeof serve>[0] = {}): Promise<[VueWrapper, Asked[], Router]> {
  const changed = { message: { changed: [ID], patterns: [] } }
  const log = serve({
    'baken.get_error_pattern': { message: patternDetail(given) },
    'baken.get_error_patterns': (asked) => ({ message: found(asked.query) }),
    'baken.set_error_state': changed,
    'baken.merge_error_patterns': changed,
    'baken.separate_error_pattern': changed,
    'baken.split_error_pattern': changed,
    ...more,
  })
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { name: 'errors', path: '/errors', component: { template: '' } },
      { name: 'error-pattern', path: '/errors/:pattern', component: ErrorPatternView },
    ],
  })
  await router.push(`/errors/${ID}`)
  const page = mount(ErrorPatternView, { global: { plugins: [router] }, attachTo: document.body })
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

const last = (log: Asked[], method: string) => log.filter((one) => one.method === method).at(-1)

test('tells what, how often, since when and how it goes on', async () => {
  const [page, log] = await open()
  expect(last(log, 'baken.get_error_pattern')?.query.toString()).toBe(`pattern=${ID}&days=30`)
  expect(page.get('h1').text()).toBe('OperationalError')
  expect(page.get('.sentence').text()).toBe('11 times in 30 days; +57% against the period before.')
  expect(page.text()).toContain('rises by 12 a day (p = 0.004)')
  expect(page.text()).toContain('erpnext 15.31.2')
  expect(page.text()).toContain('22 Nov 2026')
})

test('a week is told by the hour, and its figures are of the same hours', async () => {
  const [page, log] = await open({ count: 400 })
  expect(page.get('.sentence').text()).toContain('400 times in 30 days')
  await press(page, '7 days')
  expect(last(log, 'baken.get_error_patterns')?.query.toString()).toBe(`hours=168&search=${ID}&limit=1`)
  expect(page.get('.sentence').text()).toContain('11 times in 1 day')
  const figure = page.findAll('figure')[0]
  await figure?.get('button').trigger('click')
  expect(figure?.findAll('tbody tr')).toHaveLength(24)
  await press(page, '90 days')
  expect(last(log, 'baken.get_error_pattern')?.query.get('days')).toBe('90')
  expect(page.findAll('figure')[0]?.findAll('tbody tr')).toHaveLength(30)
})

test('without significance the trend says so, and why', async () => {
  const [page] = await open({ trend: { direction: 'unknown', p: null, per_day: null, growth: null, reason: 'only 3 days were counted' } })
  expect(page.text()).toContain('no clear trend: only 3 days were counted')
})

test('a chance too small to write out is told by its bound', async () => {
  const [page] = await open({ trend: { direction: 'up', p: 0.00002, per_day: 2, growth: null, reason: null } })
  expect(page.text()).toContain('(p < 0.001)')
})

test('without an example nothing is said to have been taken out of it', async () => {
  const [page] = await open({ example: null })
  expect(section(page, 'Example').text()).toContain('No example')
  expect(section(page, 'Example').find('.safe').exists()).toBe(false)
})

test('a pattern of which nobody is known says so once', async () => {
  const [page] = await open({ groups: null, users: null })
  expect(section(page, 'Whom it hits').text().match(/users not known/g)).toHaveLength(1)
})

test('what was done is told as done', async () => {
  const [page] = await open({ history: [{ action: 'merge', at: ago(1), user: 'els@x.test', detail: null }, { action: 'separate', at: ago(2), user: 'els@x.test', detail: null }] })
  expect(section(page, 'What was done').findAll('li').map((one) => one.get('span').text())).toEqual(['Merged', 'Separated'])
})

test('nothing is compared with a time in which nobody looked', async () => {
  const [page] = await open({ previous: null })
  expect(page.get('.sentence').text()).toBe('11 times in 30 days.')
})

test('days that were not measured are not zero', async () => {
  const [page] = await open()
  await press(page.findAll('figure')[0] as unknown as VueWrapper, 'Show as table')
  const cells = page.findAll('figure')[0]?.findAll('tbody td').map((one) => one.text()) ?? []
  // The newest day stands first.
  expect(cells.slice(-4)).toEqual(['2', 'not measured', 'not measured', 'not measured'])
})

test('the example is shown with its masked places, and copied whole', async () => {
  const written: string[] = []
  vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: async (text: string) => void written.push(text) } })
  const [page] = await open()
  const example = section(page, 'Example')
  expect(example.findAll('.slot').map((one) => one.text())).toEqual(['name', 'email'])
  await press(example, 'Copy')
  expect(written).toEqual([patternDetail().example])
  expect(example.text()).toContain('Copied')
})

test('a browser that refuses to copy is told of', async () => {
  vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: async () => Promise.reject(new Error('no')) } })
  const [page] = await open()
  await press(section(page, 'Example'), 'Copy')
  expect(section(page, 'Example').text()).toContain('does not allow copying')
})

test('resolving carries the note along', async () => {
  const [page, log] = await open()
  await page.get('textarea').setValue('Fixed in 15.32')
  await press(page, 'Resolve')
  expect(last(log, 'baken.set_error_state')).toMatchObject({ verb: 'POST', body: { patterns: ID, state: 'resolved', note: 'Fixed in 15.32' } })
})

test('undoing the end of a mute gives back what was left of it', async () => {
  const [page, log] = await open({ state: 'muted', muted_until: ago(-5), note: 'Holiday' })
  expect(page.text()).toContain('Muted')
  await press(page, 'Reopen')
  expect(last(log, 'baken.set_error_state')?.body).toMatchObject({ state: 'open' })
  await press(page, 'Undo')
  expect(last(log, 'baken.set_error_state')?.body).toEqual({ patterns: ID, state: 'muted', note: 'Holiday', hours: 5, above: 0 })
})

test('a note alone keeps the state', async () => {
  const [page, log] = await open({ state: 'known', note: 'Old' })
  await page.get('textarea').setValue('New')
  await press(page, 'Save note')
  expect(last(log, 'baken.set_error_state')?.body).toMatchObject({ state: 'known', note: 'New' })
})

test('why it is one pattern, and a merged member can be separated', async () => {
  const [page, log] = await open()
  const why = section(page, 'Why this is one pattern')
  expect(why.findAll('.why li')[1]?.text()).toBe('message “Deadlock found; try restarting transaction”')
  expect(why.text()).toContain('sales_invoice:on_submit')
  await press(why, 'Separate')
  expect(last(log, 'baken.separate_error_pattern')?.body).toEqual({ pattern: '000000000000000a' })
  await press(page, 'Undo')
  expect(last(log, 'baken.merge_error_patterns')?.body).toEqual({ patterns: '000000000000000a', into: ID })
})

test('splitting and making it one again', async () => {
  const [page, log] = await open()
  await section(page, 'Why this is one pattern').get('select').setValue('title')
  await flushPromises()
  expect(last(log, 'baken.split_error_pattern')?.body).toEqual({ pattern: ID, by: 'title' })
  await press(page, 'Undo')
  expect(last(log, 'baken.split_error_pattern')?.body).toEqual({ pattern: ID, by: 'none' })
})

test('merging into another looks it up, leaves itself out, and goes where the pattern went', async () => {
  let merged = false
  const [page, log, router] = await open({}, {
    'baken.get_error_pattern': () => ({ message: patternDetail(merged ? { pattern: '0000000000000001' } : {}) }),
    'baken.merge_error_patterns': () => ((merged = true), { message: { changed: [ID], patterns: [] } }),
  })
  await press(page, 'Merge into another')
  const dialog = page.get('dialog')
  const values = dialog.findAll('input[type=radio]').map((one) => (one.element as HTMLInputElement).value)
  expect(values).not.toContain(ID)
  await dialog.findAll('input[type=radio]')[0]?.setValue(true)
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(last(log, 'baken.merge_error_patterns')?.body).toEqual({ patterns: ID, into: '0000000000000001' })
  expect(router.currentRoute.value.params['pattern']).toBe('0000000000000001')
})

test('users are shown as pseudonyms by group', async () => {
  const [page] = await open({ users: 2, groups: { finance: 9, member: 4 } })
  const people = section(page, 'Whom it hits').text()
  for (const part of ['2 users hit', 'Finance', 'Members', 'user-0123456', 'Pseudonyms']) expect(people).toContain(part)
})

test('a pattern that does not exist is not an outage', async () => {
  const [page] = await open({}, { 'baken.get_error_pattern': { status: 417, body: { exc_type: 'ValidationError', message: "there is no pattern 'x'" } } })
  expect(page.text()).toContain('This pattern does not exist')
  expect(page.text()).not.toContain('Try again')
})

test('another failure can be tried again', async () => {
  let broken = true
  const [page] = await open({}, { 'baken.get_error_pattern': () => (broken ? { status: 417, body: { message: 'busy' } } : { message: patternDetail() }) })
  expect(page.text()).toContain('busy')
  broken = false
  await press(page, 'Try again')
  expect(page.get('h1').text()).toBe('OperationalError')
  expect(page.text()).not.toContain('busy')
})

test('everything that may be absent may be absent', async () => {
  const [page] = await open({
    exception: null, place: null, area: null, category: null, severity: null, component: null, components: null, first_seen: null, last_seen: null,
    users: null, groups: null, trend: null, note: null, example: null, why: null, frames: null, heatmap: null, days: [], users_top: [], history: [],
    members: [], releases: [], bytes: null,
  })
  // Without an exception the text is the name.
  expect(page.get('h1').text()).toContain('Deadlock found')
  expect(page.text()).toContain('No example is kept')
  expect(page.text()).toContain('Place unknown')
  expect(page.text()).not.toContain('null')
  expect(page.text()).not.toContain('undefined')
})
