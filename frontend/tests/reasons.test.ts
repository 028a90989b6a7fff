import { beforeEach, describe, expect, test } from 'vitest'
import { setLanguage } from '../src/i18n'
import { reason } from '../src/reasons'
import table from '../src/locales/reasons.nl.json'

test('an English page shows what the server says', () => {
  expect(reason('this site has no DocType Member')).toBe('this site has no DocType Member')
})

test('a moment is written as the reader writes it', () => {
  expect(reason('last measured 2026-11-27T14:00:00Z')).not.toContain('T14')
  expect(reason('last measured 2026-11-27T14:00:00Z')).toContain('27 Nov 2026')
})

describe('on a Dutch page', () => {
  beforeEach(() => setLanguage('nl'))

  test('a sentence without values is said in Dutch', () => {
    expect(reason('not measured yet')).toBe('nog niet gemeten')
  })

  test('values are kept', () => {
    expect(reason('DocType SEPA Mandate of this site has no field expiry_date, status')).toBe(
      'DocType SEPA Mandate van deze site heeft geen veld expiry_date, status',
    )
  })

  test('the most specific sentence counts', () => {
    // "{a} is resolved already" fits as well.
    expect(reason('BA-000012 is resolved already, by board@example.test')).toBe('BA-000012 is al opgelost, door board@example.test')
    expect(reason('BA-000012 is resolved already')).toBe('BA-000012 is al opgelost')
  })

  test('a sentence within a sentence is translated too', () => {
    expect(reason('processor time in use cannot be judged: last measured 2026-11-27T14:00:00Z')).toMatch(
      /^processortijd in gebruik: kan niet worden beoordeeld: laatst gemeten op 27 nov 2026/,
    )
  })

  test('a sentence after a Dutch text and a colon is translated', () => {
    expect(reason('Kan niet worden beoordeeld: not measured yet')).toBe('Kan niet worden beoordeeld: nog niet gemeten')
  })

  test('sentences in a row are translated one by one', () => {
    expect(reason('exception ValidationError; whatever was said; call in Frappe frappe.model.document:insert')).toBe(
      'exceptie ValidationError; wat er ook gezegd werd; aanroep in Frappe frappe.model.document:insert',
    )
  })

  test('numbers get a comma', () => {
    expect(reason('a query on site dev.test took longer than 0.5 s and was stopped')).toBe(
      'een query op site dev.test duurde langer dan 0,5 s en is gestopt',
    )
  })

  test('a sentence that begins with a capital and ends with a full stop keeps both', () => {
    expect(reason('Not measured yet.')).toBe('Nog niet gemeten.')
  })

  test('what is not known stays as it is', () => {
    expect(reason('Iets van de site zelf')).toBe('Iets van de site zelf')
    expect(reason('a bank said: sorry')).toBe('a bank said: sorry')
    expect(reason('')).toBe('')
    expect(reason(null)).toBe(null)
  })

  test('a long text is given back at once', () => {
    const long = 'argument '.repeat(5000)
    expect(reason(long)).toBe(long)
  })

  test('every Dutch sentence has the values of the English one', () => {
    const places = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort()
    for (const [text, said] of Object.entries(table as Record<string, string>)) expect(places(said), text).toEqual(places(text))
  })

  test('every sentence is found by itself', () => {
    // With values that fit nothing, each template leads to its own translation, or to one that fits as well.
    for (const [text, said] of Object.entries(table as Record<string, string>)) {
      let n = 0
      const names = new Map<string, string>()
      const english = text.replace(/\{(\w+)\}/g, (_, name: string, at: number) => {
        // A value that follows another at once is a hint.
        names.set(name, `${at > 0 && text[at - 1] === '}' ? '; ' : ''}Q${(n += 1)}`)
        return names.get(name) ?? ''
      })
      const dutch = said.replace(/\{(\w+)\}/g, (_, name: string) => names.get(name) ?? '')
      expect(reason(english), text).toBe(dutch)
    }
  })
})
