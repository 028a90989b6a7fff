import { expect, test, vi } from 'vitest'

test('of two languages on the way the one that was asked for last holds, though its texts come first', async () => {
  vi.resetModules()
  let arrive = (): void => undefined
  const way = new Promise<void>((resolve) => { arrive = resolve })
  vi.doMock('virtual:messages/en', async () => { await way; return { default: { hello: 'Hello' } } })
  vi.doMock('virtual:messages/nl', () => ({ default: { hello: 'Hallo' } }))
  const { language, setLanguage, t } = await import('../src/i18n')
  const first = setLanguage('en')
  await setLanguage('nl')
  expect([language.value, document.documentElement.lang, t('hello')]).toEqual(['nl', 'nl', 'Hallo'])
  arrive()
  await first
  expect([language.value, document.documentElement.lang, t('hello')]).toEqual(['nl', 'nl', 'Hallo'])
  await setLanguage('en')
  expect([language.value, t('hello')]).toEqual(['en', 'Hello'])
})
