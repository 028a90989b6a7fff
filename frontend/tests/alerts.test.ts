import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import type { AlertsList } from '../src/api/alerts'
import { setLanguage } from '../src/i18n'
import { acknowledged, ago, alert, alertsList, changed, ELS, ME, MOMENT, resolved, silence, SITE } from './fixtures/alerts'
import { asked, begin, bodies, notice, open, press, rows } from './fixtures/alerts-page'

beforeEach(begin)

function row(page: VueWrapper, text: string) {
  const found = rows(page).find((one) => one.text().includes(text))
  if (!found) throw new Error(`no row with ${text}`)
  return found
}

async function key(page: VueWrapper, name: string): Promise<void> {
  const target = document.activeElement ?? document.body
  target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }))
  await flushPromises()
  expect(page.exists()).toBe(true)
}

const focused = () => document.activeElement?.textContent ?? ''

test('one sentence says what is open, how bad, and whether somebody looks at it', async () => {
  const { page } = await open()
  expect(page.get('.sentence').text()).toBe('2 critical, 1 high, 1 medium and 1 low open; 4 are not acknowledged yet, 2 are held back.')
  await setLanguage('nl')
  await flushPromises()
  expect(page.get('.sentence').text()).toBe('2 kritiek, 1 hoog, 1 gemiddeld en 1 laag open; 4 zijn nog niet bevestigd, 2 worden tegengehouden.')
})

test.each([
  [[alert(1), alert(2, { severity: 'HIGH' })], '1 critical and 1 high open; nobody has acknowledged them.'],
  [[alert(1)], '1 critical open; nobody has acknowledged it.'],
  [[alert(1, acknowledged(ELS))], '1 critical open; it is acknowledged.'],
  [[alert(1, resolved(''))], 'No open alerts. 3 were resolved in the last 24 hours.'],
])('the sentence follows what is open', async (all, said) => {
  const { page } = await open('', { 'baken.get_alerts': { message: alertsList(undefined, all) } })
  expect(page.get('.sentence').text()).toBe(said)
})

test('before the rules were judged it is not called well', async () => {
  const { page } = await open('', { 'baken.get_alerts': { message: { ...alertsList(undefined, []), evaluated_at: null, lag_seconds: null } } })
  expect(page.get('.sentence').text()).toContain('not been judged yet')
  expect(page.text()).not.toContain('No open alerts')
})

test('late rules and alerts that nobody is told of are said', async () => {
  const { page } = await open('', { 'baken.get_alerts': { message: { ...alertsList(), lag_seconds: 900, can_notify: false } } })
  expect(page.get('.notes').text()).toContain('The rules were judged 15 min late')
  expect(page.get('.notes').text()).toContain('Nobody is told of alerts')
  expect(page.get('.notes a').attributes('href')).toBe('/alerts?tab=delivery')
})

test('the worst stand first, under their severity', async () => {
  const { page } = await open()
  expect(page.findAll('h3').map((one) => one.text())).toEqual(['Critical2', 'High1', 'Medium1', 'Low1'])
  expect(rows(page).map((one) => one.get('.title a').text())).toEqual([
    '42 errors in the last hour', '17 SEPA steps failed in the last hour', 'Disk /data is 93% full', '31 jobs wait in the queue long', '12 members have no customer',
  ])
})

test('a row says all that there is to say', async () => {
  const { page } = await open()
  const expected: [string, string[]][] = [
    ['42 errors', ['Critical', SITE, 'Errors', '42', 'limit 10', 'for 25 min']],
    ['17 SEPA', ['No data since', 'SEPA Audit Log took too long', 'Escalated']],
    ['Disk /data', ['High', 'Server', 'disk /data', '93%', 'limit 90%', 'Acknowledged', `Acknowledged by ${ELS}`]],
    ['31 jobs', ['queue long', 'Comes and goes', '4 times', 'Silenced: The import runs tonight', 'Assigned to you']],
    ['12 members', ['Held back: alert 15 explains it', 'for 33 h']],
  ]
  for (const [title, parts] of expected) for (const part of parts) expect(row(page, title).text(), title).toContain(part)
  expect(row(page, '42 errors').get('.title a').attributes('href')).toBe('/alerts/15')
})

test('speaks Dutch, texts of the server too', async () => {
  await setLanguage('nl')
  const { page } = await open()
  for (const part of ['31 taken wachten in de wachtrij long', 'wachtrij long', 'Bevestigd door', 'Gedempt: The import', 'Komt en gaat', 'grens 10', 'al 25 min']) expect(page.text()).toContain(part)
})

test('a severity narrows the list, two of them widen it, and the address says so', async () => {
  const { page, log, router } = await open()
  const chips = page.findAll('.chip')
  await chips[0]?.trigger('click')
  await flushPromises()
  expect(rows(page)).toHaveLength(2)
  expect(chips[0]?.attributes('aria-pressed')).toBe('true')
  await chips[3]?.trigger('click')
  await flushPromises()
  expect(router.currentRoute.value.query['severity']).toBe('CRITICAL,LOW')
  expect(asked(log, 'baken.get_alerts').at(-1)?.query.get('severity')).toBe('CRITICAL,LOW')
  expect(rows(page)).toHaveLength(3)
  // The counts are of all that is open, whatever the list shows.
  expect(chips[1]?.text()).toContain('1')
})

test('filters are asked of the server; days only of the past', async () => {
  const { page, log } = await open('?status=resolved&area=sepa&search=steps&days=7')
  expect(Object.fromEntries(asked(log, 'baken.get_alerts')[0]?.query ?? [])).toEqual({ status: 'resolved', area: 'sepa', search: 'steps', days: '7', limit: '50' })
  expect(page.text()).toContain('No alert fits.')
  await press(page, 'Clear filters')
  expect(asked(log, 'baken.get_alerts').at(-1)?.query.has('days')).toBe(false)
  expect(rows(page)).toHaveLength(5)
})

test('typing searches once, after a pause', async () => {
  const { page, log, router } = await open()
  const before = asked(log, 'baken.get_alerts').length
  vi.useFakeTimers({ now: MOMENT, toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  await page.get('input[type=search]').setValue('di')
  await page.get('input[type=search]').setValue('disk')
  await vi.advanceTimersByTimeAsync(400)
  vi.useRealTimers()
  await flushPromises()
  expect(router.currentRoute.value.query['search']).toBe('disk')
  expect(asked(log, 'baken.get_alerts')).toHaveLength(before + 1)
  expect(rows(page)).toHaveLength(1)
})

test('the past stands by days', async () => {
  const all = [alert(8, resolved('')), alert(7, { ...resolved(ELS), fired: ago(2880) })]
  const { page } = await open('?status=all', { 'baken.get_alerts': { message: alertsList(new URLSearchParams('status=all'), all) } })
  expect(page.findAll('h3').map((one) => one.text())).toEqual(['Sunday 22 November1', 'Friday 20 November1'])
  expect(page.text()).toContain('Over by itself')
  expect(page.text()).toContain(`Resolved by ${ELS}`)
})

test('what is about to fire and what cannot be judged is folded, but counted', async () => {
  const { page } = await open()
  const [pending, unknown] = page.findAll('details.waiting')
  expect(pending?.get('summary').text()).toBe('1 about to fire')
  expect(pending?.text()).toContain('will fire in 3 min')
  expect(pending?.text()).toContain('86%')
  expect(unknown?.get('summary').text()).toBe('1 cannot be judged')
  expect(unknown?.text()).toContain('The folder of backups cannot be read')
  expect(unknown?.text()).toContain('no data for 2 h')
  expect((pending?.element as HTMLDetailsElement).open).toBe(false)
})

test('acknowledging is a POST; the answer stands in the list before it is asked for anew', async () => {
  const held = vi.fn()
  const { page, log } = await open('', {
    'baken.acknowledge_alerts': () => (held(), { message: changed([15], acknowledged(ME, 0)) }),
  })
  await press(row(page, '42 errors'), 'Acknowledge')
  expect(asked(log, 'baken.acknowledge_alerts')[0]).toMatchObject({ verb: 'POST', body: { alerts: '15', note: '' } })
  expect(notice(page)).toContain('1 alert acknowledged.')
  // Nobody can have unseen it.
  expect(page.get('.notice').text()).not.toContain('Undo')
  expect(asked(log, 'baken.get_alerts')).toHaveLength(2)
})

test('resolving can be undone, back to whoever had acknowledged it', async () => {
  const { page, log } = await open('', {
    'baken.resolve_alerts': { message: changed([17], resolved(ME, 0)) },
    'baken.reopen_alerts': { message: changed([17], { status: 'Active' }) },
    'baken.acknowledge_alerts': { message: changed([17], acknowledged(ME, 0)) },
  })
  await press(row(page, 'Disk /data'), 'Resolve')
  expect(notice(page)).toContain('1 alert resolved.')
  await press(page, 'Undo')
  expect(bodies(log, 'baken.reopen_alerts')).toEqual([{ alerts: '17' }])
  expect(bodies(log, 'baken.acknowledge_alerts')).toEqual([{ alerts: '17' }])
  expect(notice(page)).toContain('Undone.')
})

test('who was faster is named', async () => {
  const { page } = await open('', {
    'baken.acknowledge_alerts': { message: changed([], acknowledged(ELS, 1), [{ number: 15, reason: 'BA-000015 is acknowledged already, by els' }]) },
  })
  await press(row(page, '42 errors'), 'Acknowledge')
  expect(notice(page)).toContain(`42 errors in the last hour: already acknowledged by ${ELS}.`)
})

test('of several, what was refused is told beside what was done', async () => {
  const { page, log } = await open('', {
    'baken.resolve_alerts': { message: changed([15], resolved(ME, 0), [{ number: 12, reason: 'x' }]) },
  })
  for (const title of ['42 errors', '17 SEPA']) await row(page, title).get('input').setValue(true)
  expect(page.get('.bulk').text()).toContain('2 selected')
  await press(page.get('.bulk'), 'Resolve')
  expect(bodies(log, 'baken.resolve_alerts')).toEqual([{ alerts: '15,12', note: '' }])
  expect(notice(page)).toContain('1 alert resolved. 1 was left as it is: already resolved by you.')
  // What was not done stays selected for another try.
  expect(page.get('.bulk').text()).toContain('2 selected')
})

test('another refusal is told in the server’s words', async () => {
  const { page } = await open('', { 'baken.resolve_alerts': { message: changed([], {}, [{ number: 15, reason: 'BA-000015 is locked' }]) } })
  await press(row(page, '42 errors'), 'Resolve')
  expect(notice(page)).toContain('42 errors in the last hour: is locked.')
})

test('in bulk only what can be acknowledged is', async () => {
  const { page, log } = await open('', { 'baken.acknowledge_alerts': { message: changed([15, 12, 16, 9], acknowledged(ME, 0)) } })
  await page.get('.all input').setValue(true)
  await press(page.get('.bulk'), 'Acknowledge')
  // 17 is acknowledged already.
  expect(bodies(log, 'baken.acknowledge_alerts')).toEqual([{ alerts: '15,12,16,9', note: '' }])
  expect(notice(page)).toContain('4 alerts acknowledged.')
  expect(page.find('.bulk').exists()).toBe(false)
})

test('rating in bulk, and its undo gives each rating back', async () => {
  const all = [alert(1, { feedback: 'useful' }), alert(2)]
  const { page, log } = await open('', {
    'baken.get_alerts': { message: alertsList(undefined, all) },
    'baken.rate_alerts': { message: changed([1, 2], { feedback: 'false_alarm' }) },
  })
  await page.get('.all input').setValue(true)
  await press(page.get('.bulk'), 'Rate')
  await press(page.get('.bulk'), 'False alarm')
  await press(page, 'Undo')
  expect(bodies(log, 'baken.rate_alerts')).toEqual([
    { alerts: '1,2', feedback: 'false_alarm' },
    { alerts: '1', feedback: 'useful' },
    { alerts: '2', feedback: '' },
  ])
})

test('assigning to oneself is one press, to another a dialog with a note', async () => {
  const { page, log } = await open('', { 'baken.assign_alerts': { message: changed([15], { assigned_to: ME }) } })
  await press(row(page, '42 errors'), 'More')
  await press(page, 'Assign to me')
  expect(notice(page)).toContain('1 alert assigned to you.')
  await press(row(page, '42 errors'), 'More')
  await press(page, 'Assign…')
  await page.get('dialog input').setValue(ELS)
  await page.get('dialog textarea').setValue('Yours')
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.assign_alerts')).toEqual([{ alerts: '15', to: ME, note: '' }, { alerts: '15', to: ELS, note: 'Yours' }])
})

test('silencing one alert: exactly it or its rule, until when, and why', async () => {
  const { page, log } = await open('', { 'baken.add_silence': { message: { silence: silence(9) } }, 'baken.end_silence': { message: { silence: silence(9) } } })
  await press(row(page, '31 jobs'), 'More')
  await press(page, 'Silence…')
  await flushPromises()
  const dialog = page.get('dialog')
  expect(dialog.text()).toContain('Exactly this one (queue long)')
  expect(dialog.text()).toContain('Holds back 1 alert that is open now.')
  await dialog.findAll('input[name=span]')[2]?.setValue(true)
  await dialog.get('input[maxlength="1000"]').setValue('Import')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  const [sent] = bodies(log, 'baken.add_silence') as { ends: string }[]
  expect(sent).toMatchObject({ matchers: { rule: 'HIGH_JOB_QUEUE', queue: 'long' }, comment: 'Import' })
  expect(new Date(sent?.ends ?? '')).toEqual(new Date(2026, 10, 23, 8))
  await press(page, 'Undo')
  expect(bodies(log, 'baken.end_silence')).toEqual([{ id: 9 }])
})

test('silencing several holds back their rules', async () => {
  const { page, log } = await open('', { 'baken.add_silence': { message: { silence: silence(9) } } })
  for (const title of ['42 errors', '17 SEPA']) await row(page, title).get('input').setValue(true)
  await press(page.get('.bulk'), 'Silence…')
  await flushPromises()
  await page.get('dialog form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.add_silence')).toEqual([{ matchers: { rule: '~HIGH_ERROR_RATE|SEPA_COMPLIANCE' }, comment: '', hours: 2 }])
})

test('what concerns the server is not silenced from a site', async () => {
  const { page } = await open()
  await press(row(page, 'Disk /data'), 'More')
  expect(row(page, 'Disk /data').findAll('li button').map((one) => one.text())).not.toContain('Silence…')
})

test('what somebody may not change offers no buttons, and says why', async () => {
  const { page } = await open('', { 'baken.get_alerts': { message: alertsList(undefined, [alert(1, { site: '', may_act: false })]) } })
  expect(rows(page)[0]?.findAll('button')).toHaveLength(0)
  expect(rows(page)[0]?.text()).toContain('which several sites share')
  expect(rows(page)[0]?.find('input').exists()).toBe(false)
})

test('j, k and arrows walk through the rows; a, r and x act on the one in which the keyboard is', async () => {
  const { page, log } = await open('', {
    'baken.acknowledge_alerts': { message: changed([12], acknowledged(ME, 0)) },
    'baken.resolve_alerts': { message: changed([15], resolved(ME, 0)) },
  })
  await key(page, 'a')
  expect(asked(log, 'baken.acknowledge_alerts')).toHaveLength(0)
  await key(page, 'j')
  expect(focused()).toContain('42 errors')
  await key(page, 'ArrowDown')
  expect(focused()).toContain('17 SEPA')
  await key(page, 'x')
  expect(page.get('.bulk').text()).toContain('1 selected')
  await key(page, 'a')
  expect(bodies(log, 'baken.acknowledge_alerts')).toEqual([{ alerts: '12', note: '' }])
  await key(page, 'k')
  expect(focused()).toContain('42 errors')
  await key(page, 'k')
  expect(focused()).toContain('42 errors')
  await key(page, 'r')
  expect(bodies(log, 'baken.resolve_alerts')).toEqual([{ alerts: '15', note: '' }])
})

test('keys leave fields alone, arrows leave the page alone, and all can be switched off', async () => {
  const { page, log } = await open()
  await key(page, 'ArrowDown')
  expect(document.activeElement).toBe(document.body)
  ;(page.get('input[type=search]').element as HTMLInputElement).focus()
  await key(page, 'j')
  expect(document.activeElement?.tagName).toBe('INPUT')
  ;(document.activeElement as HTMLElement).blur()
  await key(page, '?')
  expect(page.get('dialog').text()).toContain('Next alert')
  await page.get('dialog input[type=checkbox]').setValue(false)
  await press(page.get('dialog'), 'Close')
  await flushPromises()
  await key(page, 'j')
  expect(document.activeElement?.closest('.entry')).toBeNull()
  expect(asked(log, 'baken.acknowledge_alerts')).toHaveLength(0)
})

test('more alerts come when asked for, as far as the server goes', async () => {
  const { page, log } = await open('', { 'baken.get_alerts': { message: { ...alertsList(), more: true } } })
  for (let i = 0; i < 9; i += 1) await press(page, 'Show more')
  expect(asked(log, 'baken.get_alerts').at(-1)?.query.get('limit')).toBe('500')
  expect(page.text()).toContain('Narrow the list')
})

test('whoever may not see it is told so, and it is not "no alerts"', async () => {
  const { page } = await open('', { 'baken.get_alerts': { status: 403, body: { message: 'no' } } })
  expect(page.text()).toContain('Your account may not see this.')
  expect(page.text()).toContain('Whether there are open alerts is not known.')
  expect(page.text()).not.toContain('No open alerts.')
})

test('an action that fails says why; when the server goes away the alerts stay', async () => {
  let gone = false
  const { page } = await open('', {
    'baken.get_alerts': () => (gone ? new TypeError('Failed to fetch') : { message: alertsList() }),
    'baken.resolve_alerts': { status: 417, body: { exc_type: 'ValidationError', message: 'the store is read-only' } },
  })
  await press(row(page, '42 errors'), 'Resolve')
  expect(notice(page)).toContain('That did not work: the store is read-only')
  gone = true
  await press(page, 'Refresh now')
  expect(page.text()).toContain('No connection since')
  expect(rows(page)).toHaveLength(5)
})

test('nothing open is said to be well', async () => {
  const { page } = await open('', { 'baken.get_alerts': { message: alertsList(undefined, []) satisfies AlertsList } })
  expect(page.get('.empty').text()).toBe('OK No open alerts.')
})
