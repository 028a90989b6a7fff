import { expect, test } from 'vitest'
import { setLanguage } from '../src/i18n'
import { refusal } from '../src/views/alerts/actions'
import { argumentsOf, filtersOf, NO_FILTERS, queryOf, toggled } from '../src/views/alerts/filters'
import { holds, matchersFor, tomorrowMorning, untilOf } from '../src/views/alerts/matching'
import { hopName, matchedBy, recurrenceText, ruleTitle, said, spanText, whereOf } from '../src/views/alerts/words'
import { acknowledged, alert, resolved } from './fixtures/alerts'

test('a silence matches as the server does', () => {
  const one = alert(1, { labels: { queue: 'long' }, area: 'sepa' })
  const yes: Record<string, string>[] = [{}, { rule: 'HIGH_ERROR_RATE' }, { queue: '!short' }, { rule: '~HIGH_.*' }, { queue: '!~sh.*', area: 'sepa' }, { mount: '' }, { mount: '!/data' }]
  const no: Record<string, string>[] = [{ rule: 'HIGH' }, { rule: '~HIGH' }, { queue: '!long' }, { queue: '!~l.*' }, { mount: '/data' }, { queue: 'long', area: 'errors' }, { rule: '~(' }]
  for (const matchers of yes) expect(holds(matchers, one), JSON.stringify(matchers)).toBe(true)
  for (const matchers of no) expect(holds(matchers, one), JSON.stringify(matchers)).toBe(false)
})

test('what is silenced with an alert: it alone, its rule, or several rules', () => {
  const one = alert(1, { rule: 'A_B', labels: { queue: 'long' } })
  expect(matchersFor([one], true)).toEqual({ rule: 'A_B', queue: 'long' })
  expect(matchersFor([one], false)).toEqual({ rule: 'A_B' })
  expect(matchersFor([one, alert(2, { rule: 'A_B' })], true)).toEqual({ rule: 'A_B' })
  expect(matchersFor([one, alert(2, { rule: 'C' })], true)).toEqual({ rule: '~A_B|C' })
})

test('tomorrow morning is tomorrow, also in the evening and at the end of a month', () => {
  expect(tomorrowMorning(new Date(2026, 10, 30, 23, 59).getTime())).toEqual(new Date(2026, 11, 1, 8))
  expect(tomorrowMorning(new Date(2026, 10, 30, 0, 1).getTime())).toEqual(new Date(2026, 11, 1, 8))
  expect(untilOf('8h', 0)).toEqual({ hours: 8 })
})

test('the address says the filters and nothing else; what it cannot mean is left out', () => {
  expect(queryOf(NO_FILTERS)).toEqual({})
  expect(filtersOf({ status: 'all', severity: 'LOW,NONSENSE,CRITICAL', days: '7', tab: 'rules' })).toMatchObject({ status: 'all', severity: 'CRITICAL,LOW', days: 7, tab: 'rules' })
  expect(filtersOf({ status: 'gone', days: '8', tab: 'x' })).toEqual(NO_FILTERS)
  expect(argumentsOf(NO_FILTERS, 50)).toEqual({ status: 'open', days: undefined, limit: 50 })
  expect(toggled('CRITICAL,LOW', 'LOW')).toBe('CRITICAL')
  expect(toggled('LOW', 'CRITICAL')).toBe('CRITICAL,LOW')
})

test('texts come in the reader’s language, or in the other where there is none', async () => {
  expect(said({ en: 'a', nl: 'b' })).toBe('a')
  expect(said({ nl: 'b' })).toBe('b')
  expect(said('plain')).toBe('plain')
  expect(said(null)).toBe('')
  await setLanguage('nl')
  expect(said({ en: 'a', nl: 'b' })).toBe('b')
  expect(said({ en: 'a', nl: '' })).toBe('a')
})

test('a rule’s title stands without the figures that it fills in', () => {
  const title = (en: string) => ruleTitle({ title: { en }, name: 'HIGH_CPU' })
  expect(title('… errors within an hour')).toBe('Errors within an hour')
  expect(title('New grave error: …')).toBe('New grave error')
  expect(title('Disk … is full (…)')).toBe('Disk … is full')
  expect(title('…')).toBe('High cpu')
})

test('labels, spans, hops and days are said in words', () => {
  expect(whereOf({ labels: { queue: 'long', window: '1h', pattern: 'ca29', mount: '' } })).toBe('queue long, over 1 h')
  expect(whereOf({ labels: { pattern: 'ca29' } }, true)).toBe('pattern ca29')
  expect([spanText('1h30m'), spanText('0s'), spanText(300), spanText(null), spanText('10m')]).toEqual(['1.5 h', '', '5 min', '', '10 min'])
  expect(hopName('channel mail to beheer')).toBe('mail to beheer')
  expect(hopName('something new')).toBe('something new')
  expect(recurrenceText({ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], at: '03:30', minutes: 30, zone: 'UTC' })).toBe('every day at 03:30, for 30 min')
  expect(matchedBy({ severity: '!LOW', area: 'sepa', rule: '~DISK.*', mount: '/data', window: '1h' })).toEqual([
    { label: 'Severity', text: 'all but Low' },
    { label: 'Area', text: 'SEPA' },
    { label: 'Rule', text: 'like DISK.*' },
    { label: 'Disk', text: '/data' },
    { label: 'Period', text: '1 h' },
  ])
})

test('a refusal names who was faster, as far as that is known', () => {
  const refused = { number: 1, reason: 'BA-000001 cannot be opened again: another alert of the same kind is open' }
  expect(refusal(refused, alert(1, acknowledged('els@example.test')))).toBe('already acknowledged by els@example.test')
  expect(refusal(refused, alert(1, resolved('')))).toBe('over by itself already')
  expect(refusal(refused, undefined)).toBe('cannot be opened again: another alert of the same kind is open')
})
