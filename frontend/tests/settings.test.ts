import { flushPromises, mount, type DOMWrapper, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { setLanguage } from '../src/i18n'
import { session } from '../src/session'
import type { Retention, RuleSetting } from '../src/views/settings/answers'
import { daysText, isSpan, shownNumber, typedNumber } from '../src/views/settings/numbers'
import SettingsView from '../src/views/settings/SettingsView.vue'
import { unsaved } from '../src/views/settings/unsaved'
import { serve, type Asked } from './fixtures/server'

const SITE = 'leden.example'
type Within = Pick<DOMWrapper<Element>, 'findAll' | 'get'> | VueWrapper
const blank = { template: '<p>elsewhere</p>' }

function rule(over: Partial<RuleSetting> = {}): RuleSetting {
  const keys = { words: 'frappe_errors{window=1h} > 10', severity: 'HIGH', for: '5m', enabled: true, tell: [], limit: { how: 'above' as const, figure: 10, night: null } }
  return {
    ...keys, name: 'HIGH_ERROR_RATE', title: { en: 'Many errors', nl: 'Veel fouten' }, kind: 'threshold', unit: 'errors', metric: 'frappe_errors', match: { window: '1h' },
    area: 'errors', keep: '0s', reason: { en: 'The documented limit.', nl: 'De grens.' }, runbook: '', source: 'rules.toml:14', from: 'baken', scope: 'site',
    editable: ['enabled', 'severity', 'tell', 'for', 'limit', 'night'], may_change: true, why_not: '', shipped: keys, changed: null, problem: '', state: 'ok',
    why: { en: 'Does not hold: 4 (limit 10).', nl: 'Geldt niet.' }, texts: null, ...over,
  }
}
const rulesOf = (rules: RuleSetting[]) => ({
  message: { rules, recipients: [{ name: 'beheer', label: 'Beheer' }], severities: ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'], areas: ['errors', 'sepa'], most: 100, problems: [], timestamp: '' },
})
const limit = (name: string, over = {}) => ({ limit: name, days: 90, filed: 90, least: null, rows: 12, bytes: 4096, why: null, oldest: '2026-11-01T00:00:00+00:00', ...over })
const retention = (over: Partial<Retention> = {}) => ({
  message: {
    limits: [limit('raw_days'), limit('hourly_days', { days: 730, filed: 730 }), limit('daily_days', { days: 2557, filed: 2557 }), limit('audit_days', { days: 2557, filed: 2557, least: 2557 }), limit('closed_days')],
    store: { kind: 'sqlite', bytes: 1_000_000, growth_per_day: null, why: 'it is known when the store has been watched for a day' }, changed: null, may_change: true, why_not: '', timestamp: '', ...over,
  },
})
const people = (over = {}) => ({
  message: {
    recipients: [{ name: 'Beheer', tell: 'beheer', from: 'file', channel: 'mail', to: 'b***@v***.nl', at_least: 'LOW', areas: [], rules: [], step: 1, hours: '', time_zone: '', language: '', reports: ['daily'], changed: null, problem: '' }],
    channels: [{ name: 'mail', kind: 'email', needs_to: true, usable: true, why_not: '' }], severities: ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'], areas: ['errors', 'sepa'], most: 50, timestamp: '', ...over,
  },
})

async function open(tab: string, replies: Parameters<typeof serve>[0]) {
  const log = serve(replies)
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/settings', name: 'settings', component: SettingsView },
      { path: '/alerts', name: 'alerts', component: blank },
      { path: '/away', component: blank },
    ],
  })
  await router.push(`/settings?tab=${tab}`)
  const page = mount({ template: '<RouterView />' }, { global: { plugins: [router] }, attachTo: document.body })
  await vi.waitFor(() => expect(page.find('h2').exists()).toBe(true), { timeout: 20_000 })
  await vi.dynamicImportSettled()
  await flushPromises()
  await vi.waitFor(() => expect(page.find('.skeleton').exists()).toBe(false))
  return { page, log, router }
}
const press = async (within: Within, text: string) => {
  await within.findAll('button').find((one) => one.text().includes(text))?.trigger('click')
  await flushPromises()
}
const bodies = (log: Asked[], method: string) => log.filter((one) => one.method === method && one.verb === 'POST').map((one) => one.body as Record<string, unknown>)
const field = (page: Within, label: string) => {
  const found = page.findAll('label').find((one) => one.text().startsWith(label))
  return page.get(`#${CSS.escape(found?.attributes('for') ?? '')}`)
}
async function opened(page: VueWrapper): Promise<void> {
  const details = page.get('li details')
  ;(details.element as HTMLDetailsElement).open = true
  await details.trigger('toggle')
  await flushPromises()
}

beforeEach(() => {
  session.value = { user: 'els@example.test', full_name: 'Els', roles: [], site: SITE, sites: [SITE], csrf_token: 'x' }
})

// The parts' code is fetched when first opened; that takes its time here.
vi.setConfig({ testTimeout: 30_000 })

test('numbers are typed as the reader writes them', async () => {
  expect(typedNumber('0,85')).toBe(0.85)
  expect(typedNumber(' 12.5 ')).toBe(12.5)
  expect(typedNumber('')).toBeNull()
  expect(typedNumber('1e9')).toBeNaN()
  expect(isSpan('1h30m')).toBe(true)
  expect(isSpan('soon')).toBe(false)
  expect(daysText(2557)).toBe('7 years')
  expect(daysText(90)).toBe('90 days')
  await setLanguage('nl')
  expect(shownNumber(1234.5)).toBe('1234,5')
})

test('a rule shows why it stands as it does, what the file says, and saves only what fits', async () => {
  const replies = { 'baken.get_rule_settings': rulesOf([rule()]), 'baken.save_rule': { message: { saved: true, problems: [], rule: null } } }
  const { page, log } = await open('rules', replies)
  await opened(page)
  expect(page.text()).toContain('Now: ')
  expect(page.text()).toContain('Does not hold: 4 (limit 10).')
  expect(page.text()).toContain('In the file: more than 10 errors')
  expect(unsaved.value).toBe(false)
  await field(page, 'Limit (').setValue('many')
  expect(unsaved.value).toBe(true)
  await page.get('form.form').trigger('submit')
  await flushPromises()
  expect(field(page, 'Limit (').attributes('aria-invalid')).toBe('true')
  expect(page.text()).toContain('Give a number.')
  expect(bodies(log, 'baken.save_rule')).toEqual([])
  await field(page, 'Limit (').setValue('20,5')
  await field(page, 'Limit by night').setValue('40')
  await page.get('form.form').trigger('submit')
  await flushPromises()
  const [sent] = bodies(log, 'baken.save_rule')
  expect(sent?.['rule']).toBe('HIGH_ERROR_RATE')
  expect(JSON.parse(String(sent?.['values']))).toEqual({ enabled: true, severity: 'HIGH', tell: [], for: '5m', above: 20.5, night: { above: 40 } })
})

test('what the server refuses stands at its field', async () => {
  const refused = { saved: false, problems: [{ field: 'above', text: 'recover and the condition can hold at once' }], rule: null }
  const { page } = await open('rules', { 'baken.get_rule_settings': rulesOf([rule()]), 'baken.save_rule': { message: refused } })
  await opened(page)
  await field(page, 'Limit (').setValue('5')
  await page.get('form.form').trigger('submit')
  await flushPromises()
  const input = field(page, 'Limit (')
  expect(input.attributes('aria-invalid')).toBe('true')
  const described = input.attributes('aria-describedby')?.split(' ').map((id) => document.getElementById(id)?.textContent).join(' ')
  expect(described).toContain('can hold at once')
})

test('a changed rule is put back, and that can be undone', async () => {
  const changed = rule({ limit: { how: 'above', figure: 99, night: null }, changed: { keys: ['above'], at: '2026-11-27T10:00:00+00:00', by: 'piet@example.test' } })
  const { page, log } = await open('rules', {
    'baken.get_rule_settings': rulesOf([changed]),
    'baken.put_back_rule': { message: { changed: true, rule: null } },
    'baken.save_rule': { message: { saved: true, problems: [], rule: null } },
  })
  expect(page.text()).toContain('Changed')
  await opened(page)
  await press(page, 'Put back')
  expect(bodies(log, 'baken.put_back_rule')).toEqual([{ rule: 'HIGH_ERROR_RATE' }])
  await press(page, 'Undo')
  expect(JSON.parse(String(bodies(log, 'baken.save_rule')[0]?.['values']))).toMatchObject({ above: 99 })
})

test('what one may not change is shown with the reason, and no form', async () => {
  const locked = rule({ may_change: false, why_not: 'it concerns every site on this machine', scope: 'installation' })
  const { page } = await open('rules', { 'baken.get_rule_settings': rulesOf([locked]) })
  await opened(page)
  expect(page.text()).toContain('it concerns every site on this machine')
  expect(page.find('form.form').exists()).toBe(false)
})

test('whoever leaves with something unsaved is asked', async () => {
  const { page, router } = await open('rules', { 'baken.get_rule_settings': rulesOf([rule()]) })
  await opened(page)
  await field(page, 'Limit (').setValue('33')
  void router.push('/away')
  await flushPromises()
  expect(page.get('dialog').text()).toContain('Leave without saving?')
  await press(page.get('dialog'), 'Leave without saving')
  await flushPromises()
  expect(router.currentRoute.value.path).toBe('/away')
  expect(unsaved.value).toBe(false)
})

test('without a channel it is said what to put into baken.toml', async () => {
  const { page } = await open('recipients', { 'baken.get_recipient_settings': people({ channels: [], recipients: [] }) })
  expect(page.get('pre').text()).toContain('[[alerts.channels]]')
  expect(page.text()).not.toContain('Add recipient')
})

test('a recipient is added: what is missing is said first, and the address goes to the server alone', async () => {
  const { page, log } = await open('recipients', { 'baken.get_recipient_settings': people(), 'baken.save_recipient': { message: { saved: true, problems: [] } } })
  expect(page.text()).toContain('b***@v***.nl')
  expect(page.findAll('li button').map((one) => one.text())).toEqual(['Test'])
  await press(page, 'Add recipient')
  const dialog = page.get('dialog')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(dialog.text()).toContain('Give a name.')
  expect(dialog.text()).toContain('Give an address.')
  await field(dialog, 'Name').setValue('Penny')
  await field(dialog, 'E-mail address').setValue('penny@vereniging.nl')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.save_recipient')[0]).toMatchObject({ name: 'Penny', was: '', channel: 'mail', to: 'penny@vereniging.nl', at_least: 'MEDIUM', areas: '', reports: '' })
})

test('keeping for a shorter time says what goes, and asks', async () => {
  let confirmed = false
  const { page, log } = await open('retention', {
    'baken.get_retention': retention(),
    'baken.save_retention': (asked) => {
      confirmed = Boolean((asked.body as Record<string, unknown>)['confirmed'])
      return { message: { saved: confirmed, problems: [], deletes: [{ limit: 'audit_days', rows: 1200, oldest: '2020-01-01T00:00:00+00:00' }], warnings: [{ field: 'audit_days', text: '2557 days are the least' }] } }
    },
  })
  expect(page.text()).toContain('it is known when the store has been watched for a day')
  const inputs = page.findAll('input')
  await inputs[3]?.setValue('365')
  expect(page.text()).toContain('below the documented 7 years')
  await page.get('form').trigger('submit')
  await flushPromises()
  const dialog = page.get('dialog')
  expect(dialog.text()).toContain('1,200 rows')
  expect(dialog.findAll('button').at(-1)?.attributes('disabled')).toBeDefined()
  await dialog.get('input[type=checkbox]').setValue(true)
  await press(dialog, 'Save and delete')
  expect(bodies(log, 'baken.save_retention').map((one) => one['confirmed'])).toEqual([false, true])
  expect(confirmed).toBe(true)
})

test('retention that is not one’s own to change is read-only with the reason', async () => {
  const { page } = await open('retention', { 'baken.get_retention': retention({ may_change: false, why_not: 'only an operator may change it' }) })
  expect(page.text()).toContain('only an operator may change it')
  expect(page.findAll('input')).toEqual([])
})
