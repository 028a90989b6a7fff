import { flushPromises } from '@vue/test-utils'
import { beforeEach, expect, test } from 'vitest'
import { setLanguage } from '../src/i18n'
import { ago, ELS, rulesAnswer, silence, SITE, testAnswer } from './fixtures/alerts'
import { asked, begin, bodies, notice, open, press, STATISTICS } from './fixtures/alerts-page'

beforeEach(begin)

test('silences: state, what they match, who, until when, and how much they hold', async () => {
  const { page } = await open('?tab=silences')
  const [one, two] = page.findAll('section ul > li')
  for (const part of ['Active', 'Rule: High job queue', 'Queue: all but short', 'The import runs tonight', `by ${ELS}`, '1 alert held back', SITE]) expect(one?.text()).toContain(part)
  for (const part of ['Planned', 'Area: Performance', 'every Monday and Thursday at 02:00, for 2 h', '(Europe/Amsterdam)', 'by you', 'next']) expect(two?.text()).toContain(part)
})

test('what has ended is asked for, and shown without a way to end it', async () => {
  const { page, log } = await open('?tab=silences')
  await press(page, 'Show what has ended')
  expect(asked(log, 'baken.get_silences').at(-1)?.query.get('ended')).toBe('1')
  const last = page.findAll('section ul > li').at(-1)
  expect(last?.text()).toContain('All alerts')
  expect(last?.text()).toContain('Ended')
  expect(last?.find('button').exists()).toBe(false)
})

test('ending a silence is undone by one with the same rest', async () => {
  const { page, log } = await open('?tab=silences', { 'baken.end_silence': { message: { silence: silence(3) } }, 'baken.add_silence': { message: { silence: silence(5) } } })
  await press(page, 'End')
  expect(bodies(log, 'baken.end_silence')).toEqual([{ id: 3 }])
  await press(page, 'Undo')
  expect(bodies(log, 'baken.add_silence')).toEqual([{ matchers: { rule: 'HIGH_JOB_QUEUE', queue: '!short' }, comment: 'The import runs tonight', ends: ago(-90) }])
})

test('a new silence foretells what it holds, and asks why when it holds everything', async () => {
  const { page, log } = await open('?tab=silences', { 'baken.add_silence': { message: { silence: silence(9) } } })
  await press(page, 'Add silence')
  await flushPromises()
  const dialog = page.get('dialog')
  expect(dialog.text()).toContain('Holds back 4 alerts that are open now. Without a choice it holds back everything')
  expect(dialog.get('input[maxlength="1000"]').attributes('required')).toBeDefined()
  await dialog.findAll('select')[1]?.setValue('sepa')
  await press(dialog, 'Add a label')
  const [name, value] = dialog.findAll('.row input')
  await name?.setValue('queue')
  await value?.setValue('!long')
  expect(dialog.text()).toContain('Holds back 1 alert that is open now.')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.add_silence')).toEqual([{ matchers: { area: 'sepa', queue: '!long' }, comment: '', hours: 2 }])
})

test('a refused silence stays with its words and the reason, and goes once it is taken', async () => {
  let reply: { status?: number; body?: unknown; message?: unknown } = { status: 417, body: { exc_type: 'ValidationError', message: '"~(" is no expression' } }
  const { page, log } = await open('?tab=silences', { 'baken.add_silence': () => reply })
  await press(page, 'Add silence')
  const dialog = page.get('dialog')
  await dialog.get('input[maxlength="400"]').setValue('~(')
  await dialog.get('input[maxlength="1000"]').setValue('The import')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(page.get('dialog [role=alert]').text()).toBe('That did not work: "~(" is no expression')
  expect(page.get<HTMLInputElement>('dialog input[maxlength="1000"]').element.value).toBe('The import')
  // Behind the dialog nobody reads it.
  expect(page.find('.notice').exists()).toBe(false)
  reply = { message: { silence: silence(9) } }
  await dialog.get('input[maxlength="400"]').setValue('~HIGH.*')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.add_silence').at(-1)).toEqual({ matchers: { rule: '~HIGH.*' }, comment: 'The import', hours: 2 })
  expect(page.find('dialog').exists()).toBe(false)
  expect(notice(page)).toContain('Silenced')
})

test('refused maintenance stays with its days, and is asked for once however often it is pressed', async () => {
  const { page, log } = await open('?tab=silences', { 'baken.add_maintenance': new Error('gone') })
  await press(page, 'Add maintenance')
  const dialog = page.get('dialog')
  await dialog.findAll('.day input')[2]?.setValue(true)
  await dialog.get('input[maxlength="1000"]').setValue('Updates')
  void dialog.get('form').trigger('submit')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.add_maintenance')).toHaveLength(1)
  expect(page.get('dialog [role=alert]').text()).toContain('That did not work')
  expect(page.get('dialog').text()).toContain('every Wednesday at 02:00')
})

test('maintenance comes again on the chosen days', async () => {
  const { page, log } = await open('?tab=silences', { 'baken.add_maintenance': { message: { silence: silence(9) } } })
  await press(page, 'Add maintenance')
  const dialog = page.get('dialog')
  expect(dialog.get('button[type=submit]').attributes('disabled')).toBeDefined()
  const days = dialog.findAll('.day input')
  await days[3]?.setValue(true)
  await days[0]?.setValue(true)
  expect(dialog.text()).toContain('every Monday and Thursday at 02:00, for 2 h')
  await dialog.get('input[maxlength="1000"]').setValue('Updates')
  await dialog.get('form').trigger('submit')
  await flushPromises()
  expect(bodies(log, 'baken.add_maintenance')).toEqual([{ matchers: {}, days: 'mon,thu', at: '02:00', minutes: 120, comment: 'Updates' }])
})

test('rules: how they stand, what they ask, why the limit is what it is, and what they see', async () => {
  const { page } = await open('?tab=rules')
  const items = page.findAll('.rules > li')
  // What fires stands first, what is off last.
  expect(items.map((one) => one.get('.state').text())).toEqual(['Firing', 'Unknown', 'OK', 'Switched off'])
  expect(items[0]?.get('.title').text()).toBe('Errors in the last hour')
  const details = items[0]?.get('details').element as HTMLDetailsElement
  details.open = true
  await items[0]?.get('details').trigger('toggle')
  for (const part of ['frappe_errors{window=1h} > 10', 'over after 5 min without', 'Ten errors an hour', 'queue long', '42', 'rules.toml:12', 'HIGH_ERROR_RATE']) expect(items[0]?.text()).toContain(part)
  expect(items[0]?.get('td a').attributes('href')).toBe('/alerts/15')
  expect(items[0]?.findAll('a').at(-1)?.attributes('href')).toBe('/alerts?rule=HIGH_ERROR_RATE&status=all')
})

test('rules are narrowed by state and by words', async () => {
  const { page } = await open('?tab=rules')
  await press(page, 'Unknown 1')
  expect(page.findAll('.rules > li')).toHaveLength(1)
  await press(page, 'All 4')
  await page.get('.filters input').setValue('leave')
  expect(page.findAll('.rules > li').map((one) => one.get('.title').text())).toEqual(['Many members leave'])
})

test('problems in the rules are told with where they are', async () => {
  const { page } = await open('?tab=rules', { 'baken.get_alert_rules': { message: { rules: [], problems: ['rules.toml:4: HIGH: above must be a number'], timestamp: ago(0) } } })
  expect(page.get('.problems').text()).toContain('1 problem in the rules')
  expect(page.get('.problems').text()).toContain('rules.toml:4')
})

test('statistics: per day as chart and table, per rule, and what was sent', async () => {
  const { page, log } = await open('?tab=statistics')
  expect(asked(log, STATISTICS)[0]?.query.get('days')).toBe('30')
  expect(page.text()).toContain('41 alerts in 30 days, of 2 rules.')
  const [queue, errors] = page.findAll('.rules tbody tr')
  for (const part of ['Jobs wait in queue', 'HIGH_JOB_QUEUE', 'Medium', '20', '1.5 h', '25 min', '75% of 4', '31']) expect(queue?.text()).toContain(part)
  // Nobody rated: that is not 0%.
  expect(errors?.text()).toContain('not rated')
  expect(errors?.text()).toContain('—')
  expect(page.text()).toContain('Jobs wait in queue: 75% of the 4 rated alerts were false alarms.')
  expect(page.text()).toContain('99% within')
  await press(page, 'Show as table')
  const table = page.get('figure table')
  expect(table.findAll('thead th').map((one) => one.text())).toEqual(['Day', 'Critical', 'High', 'Medium', 'Low', 'All'])
  // The newest day stands first.
  expect(table.findAll('tbody tr')[1]?.findAll('td').map((one) => one.text())).toEqual(['3', '2', '0', '1', '6'])
  await press(page, '7 days')
  expect(asked(log, STATISTICS).at(-1)?.query.get('days')).toBe('7')
})

test('rules are called and explained in the reader’s language', async () => {
  await setLanguage('nl')
  const { page } = await open('?tab=statistics')
  expect(page.findAll('.rules tbody tr th a').map((one) => one.text())).toEqual(['Taken wachten in wachtrij', 'Fouten binnen een uur'])
  const { page: rules } = await open('?tab=rules')
  const first = rules.get('.rules > li details')
  ;(first.element as HTMLDetailsElement).open = true
  await first.trigger('toggle')
  expect(first.get('.reason').text()).toContain('Tien fouten per uur')
})

test('delivery: what works, what does not and why, and who is told', async () => {
  const { page, log } = await open('?tab=delivery', { 'baken.enable_channel': { message: { channel: 'phone', enabled: true } } })
  const text = page.text()
  for (const part of ['mail', 'Works', '44 sent', 'phone', 'Stopped', 'To bestuur: the server answered 403', '2 waiting', '1 held for a digest', 'from medium on', 'daily report', 'from step 2 of the escalation on', 'mon-fri 08:00-22:00', 'hc.example.org', 'every 60 s']) expect(text).toContain(part)
  await press(page, 'Use again')
  expect(bodies(log, 'baken.enable_channel')).toEqual([{ channel: 'phone' }])
  expect(notice(page)).toContain('phone is used again')
})

test('a trial shows each hop, and what does not work', async () => {
  const { page, log } = await open('?tab=delivery', { 'baken.send_test_alert': { message: testAnswer() } })
  await press(page, 'Send a test')
  expect(asked(log, 'baken.send_test_alert')[0]?.verb).toBe('POST')
  expect(page.text()).toContain('1 part does not work')
  const hops = page.findAll('.hops li').map((one) => one.text())
  expect(hops[0]).toContain('Rules judged, alert opened')
  expect(hops[0]).toContain('210 ms')
  expect(hops[2]).toContain('Failed')
  expect(hops[2]).toContain('phone to bestuur')
})

test('a trial that reaches nobody does not call itself a success', async () => {
  const nobody = { hops: [{ hop: 'alert evaluated', ok: true, ms: 200, detail: '' }, { hop: 'channels', ok: null, ms: null, detail: 'nobody would be told' }] }
  const { page } = await open('?tab=delivery', { 'baken.send_test_alert': { message: nobody } })
  await press(page, 'Send a test')
  expect(page.get('.verdict').text()).toBe('The rules work, but nobody was reached')
  expect(page.text()).toContain('Not known')
})

test('without channels it says how to set one up', async () => {
  const { page } = await open('?tab=delivery', { 'baken.get_channels': { message: { channels: [], recipients: [], heartbeats: [], timestamp: ago(0) } } })
  expect(page.get('.setup').text()).toContain('Nobody is told of alerts yet.')
  expect(page.get('pre').text()).toContain('[[alerts.recipients]]')
})

test('a tab that failed is retried alone', async () => {
  let broken = true
  const { page, log } = await open('?tab=rules', { 'baken.get_alert_rules': () => (broken ? { status: 417, body: { message: 'too busy' } } : { message: rulesAnswer() }) })
  expect(page.text()).toContain('too busy')
  const before = asked(log, 'baken.get_alerts').length
  broken = false
  await press(page, 'Try again')
  expect(page.findAll('.rules > li')).toHaveLength(4)
  expect(asked(log, 'baken.get_alerts')).toHaveLength(before)
})
