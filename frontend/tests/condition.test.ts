import { beforeEach, expect, test } from 'vitest'
import { setLanguage } from '../src/i18n'
import type { RuleSetting } from '../src/views/settings/answers'
import { conditionOf } from '../src/views/settings/condition'

const rule = (more: Partial<RuleSetting>) => ({ kind: 'threshold', unit: 'errors', metric: 'frappe_errors', match: {}, for: '0s', words: 'as written', limit: null, ...more }) as RuleSetting

beforeEach(() => setLanguage('en'))

test('a limit is told in words, with its window and how long it has to hold', async () => {
  const many = rule({ match: { window: '1h' }, limit: { how: 'above', figure: 10, night: null }, for: '5m' })
  expect(conditionOf(many)).toBe('more than 10 errors in 1 h, fires after 5 min')
  await setLanguage('nl')
  expect(conditionOf(many)).toBe('meer dan 10 fouten in 1 uur, gaat af na 5 min')
})

test('more than none is one, less than one is none', () => {
  expect(conditionOf(rule({ unit: 'jobs', limit: { how: 'above', figure: 0, night: null } }))).toBe('at least 1 job')
  expect(conditionOf(rule({ unit: 'workers', limit: { how: 'below', figure: 1, night: null }, match: { queue: '~short|long' } }))).toBe('no workers, queue short or long')
})

test('rules without a limit say what they look for; what nobody has words for is told as it is written', () => {
  expect(conditionOf(rule({ kind: 'pattern', words: 'new pattern{severity=~HIGH|CRITICAL}, over when quiet for 1d', match: { severity: '~HIGH|CRITICAL' } }))).toBe('an error that was never seen before, severity high or critical')
  expect(conditionOf(rule({ kind: 'finding', words: 'leak found within 1d' }))).toBe('a password or key stands in the error log')
  expect(conditionOf(rule({ kind: 'ping', words: 'too_long ping of job' }))).toBe('a job that reports starts and does not end in time')
  expect(conditionOf(rule({ kind: 'pattern', words: 'unheard of' }))).toBe('unheard of')
})
