import { beforeEach, describe, expect, test } from 'vitest'
import { formatAmount, unitNoun } from '../src/format'
import { setLanguage } from '../src/i18n'
import { labelName, labelsText, labelValue, windowText } from '../src/labels'

describe('in English', () => {
  test('labels and their values in words', () => {
    expect(labelsText({ status: 'Pending Review', window: '24h' })).toBe('status Pending review, over 24 h')
    expect(labelValue('quantile', '0.95')).toBe('95% within')
    expect(labelValue('direction', 'in')).toBe('Received')
    expect(labelName('window')).toBe('period')
    expect(labelName('queue')).toBe('queue')
  })

  test('a figure with what it counts', () => {
    expect(formatAmount(1, 'members')).toBe('1 member')
    expect(formatAmount(1200, 'e-mails')).toBe('1,200 e-mails')
    expect(formatAmount(0.5, 'ratio')).toBe('50%')
    expect(unitNoun('nothing known')).toBe('')
  })
})

describe('in Dutch', () => {
  beforeEach(() => setLanguage('nl'))

  test('statuses, roles, states and spans are Dutch', () => {
    expect(labelValue('status', 'Under Review')).toBe('In beoordeling')
    expect(labelValue('role', 'scheduler')).toBe('Planner')
    expect(labelValue('state', 'available')).toBe('Beschikbaar')
    expect(labelValue('window', 'month')).toBe('30 dagen')
    expect(windowText('24h')).toBe('24 uur')
    expect(labelsText({ result: 'failed' })).toBe('uitkomst Mislukt')
  })

  test('names that people gave stay as they are', () => {
    expect(labelValue('queue', 'short')).toBe('short')
    expect(labelValue('table', 'tabError Log')).toBe('tabError Log')
    expect(labelValue('reason', 'AM04')).toBe('AM04')
  })

  test('a figure with what it counts', () => {
    expect(formatAmount(1, 'members')).toBe('1 lid')
    expect(formatAmount(1200, 'members')).toBe('1.200 leden')
  })
})
