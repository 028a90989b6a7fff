import { describe, expect, test } from 'vitest'
import { formatAgo, formatBytes, formatEuro, formatFigure, formatRatio, formatSeconds, parseTime } from '../src/format'
import { setLanguage, tn, word } from '../src/i18n'

const plain = (text: string) => text.replace(/\u00a0|\u202f/g, ' ')

describe('figures', () => {
  test('ratios keep what matters', () => {
    expect(formatRatio(0)).toBe('0%')
    expect(formatRatio(0.004)).toBe('0.4%')
    expect(formatRatio(0.47)).toBe('47%')
    expect(formatRatio(0.9999)).toBe('99.9%')
    expect(formatRatio(1)).toBe('100%')
  })

  test('seconds and bytes choose their unit', () => {
    expect(formatSeconds(0.0018)).toBe('1.8 ms')
    expect(formatSeconds(0.142)).toBe('142 ms')
    expect(formatSeconds(44)).toBe('44 s')
    expect(formatSeconds(310)).toBe('5 min')
    expect(formatSeconds(54_000)).toBe('15 h')
    expect(plain(formatSeconds(3_200_000))).toBe('37 days')
    expect(plain(formatBytes(2.9e9))).toBe('2.9 GB')
    expect(plain(formatBytes(0))).toBe('0 B')
  })

  test('Dutch writes numbers the Dutch way', async () => {
    await setLanguage('nl')
    expect(formatFigure(4312, 'members')).toBe('4.312')
    expect(plain(formatEuro(7412.75))).toBe('€ 7.413')
    expect(plain(formatEuro(12.5))).toBe('€ 12,50')
    expect(plain(formatSeconds(0.0018))).toBe('1,8 ms')
    expect(plain(formatSeconds(54_000))).toBe('15 uur')
  })
})

describe('times', () => {
  test('relative times do not flicker within ten seconds', () => {
    expect(formatAgo(0, 4_000)).toBe('just now')
    expect(formatAgo(0, 14_000)).toBe(formatAgo(0, 19_000))
    expect(formatAgo(0, 3 * 60_000)).toBe('3 minutes ago')
    expect(formatAgo(10_000, 0)).toBe('just now')
  })

  test('what is no time is none', () => {
    expect(parseTime(null)).toBeNull()
    expect(parseTime('yesterday-ish')).toBeNull()
    expect(parseTime('2026-11-22T22:00:00Z')).toBe(Date.UTC(2026, 10, 22, 22))
  })
})

describe('words', () => {
  test('codes become words, what people wrote stays', async () => {
    expect(word('HIGH_ERROR_RATE')).toBe('High error rate')
    expect(word('SEPA_RETURNS')).toBe('SEPA returns')
    expect(word('Lid van Verdienste')).toBe('Lid van Verdienste')
    await setLanguage('nl')
    expect(word('Pending Review')).toBe('Te beoordelen')
  })

  test('plural forms', () => {
    expect(tn('patterns.matching', 1)).toBe('1 pattern')
    expect(tn('patterns.matching', 1200)).toBe('1,200 patterns')
  })
})
