import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { messagesOf } from '../messages'

const SOURCE = join(__dirname, '../src')
const en = messagesOf(SOURCE, 'en')
const nl = messagesOf(SOURCE, 'nl')

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return files(path)
    return /\.(ts|vue)$/.test(entry.name) ? [path] : []
  })
}

const code = files(SOURCE).map((path) => readFileSync(path, 'utf8')).join('\n')
const keys = Object.keys(en)
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort()

test('both languages have the same keys, in the same order', () => {
  expect(Object.keys(nl)).toEqual(keys)
})

test('both languages fill in the same values and have the same forms', () => {
  for (const key of keys) {
    const [english = '', dutch = ''] = [en[key], nl[key]]
    expect(placeholders(dutch), key).toEqual(placeholders(english))
    expect(dutch.split(' | ').length, key).toBe(english.split(' | ').length)
    expect(dutch.trim(), key).not.toBe('')
  }
})

test('every key is used', () => {
  // Keys put together from a value, such as t(`state.${state}`), are used by their beginning.
  const beginnings = [...code.matchAll(/`((?:\w+\.)+)\$\{/g)].map((found) => found[1] ?? '')
  const unused = keys.filter((key) => !code.includes(`'${key}'`) && !beginnings.some((start) => key.startsWith(start)))
  expect(unused).toEqual([])
})

test('every key that the code asks for exists', () => {
  const asked = [...code.matchAll(/\btn?\(\s*'([^']+)'/g)].map((found) => found[1] ?? '')
  expect(asked.filter((key) => !keys.includes(key))).toEqual([])
})
