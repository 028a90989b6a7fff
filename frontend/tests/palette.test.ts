import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import CommandPalette from '../src/components/CommandPalette.vue'
import { fit, type Command } from '../src/commands'

const all = vi.hoisted(() => ({ commands: [] as Command[] }))
vi.mock('../src/commands', async (original) => ({
  ...(await original<typeof import('../src/commands')>()),
  allCommands: async () => all.commands,
}))

const command = (id: string, title: string, more: Partial<Command> = {}): Command => ({ id, title, run: vi.fn(), ...more })

beforeEach(() => {
  all.commands = [
    command('alerts', 'Alerts'),
    command('errors', 'Errors'),
    command('ack', 'Acknowledge: 23 errors within an hour', { hint: 'BA-000029' }),
    command('sepa', 'SEPA', { keywords: 'mandaten incasso' }),
  ]
})

async function open() {
  const page = mount(CommandPalette, { attachTo: document.body })
  await flushPromises()
  const input = page.get('input')
  const type = async (text: string) => {
    await input.setValue(text)
    await flushPromises()
  }
  const options = () => page.findAll('[role=option]').map((one) => one.get('.title').text())
  return { page, input, type, options }
}

test('words are found in any order, without accents, best at the beginning', () => {
  const errors = command('e', 'Errors of today', { keywords: 'fouten' })
  expect(fit(errors, 'error')).toBeGreaterThan(fit(errors, 'today'))
  expect(fit(errors, 'today error')).toBeGreaterThan(0)
  expect(fit(errors, 'fout')).toBeGreaterThan(0)
  expect(fit(errors, 'error tomorrow')).toBe(0)
  expect(fit(command('c', 'Coördinator'), 'coordi')).toBeGreaterThan(0)
  expect(fit(errors, '')).toBeGreaterThan(0)
})

test('typing narrows, the best comes first, and Enter does it', async () => {
  const { page, input, type, options } = await open()
  expect(options()).toHaveLength(4)
  await type('err')
  expect(options()).toEqual(['Errors', 'Acknowledge: 23 errors within an hour'])
  await input.trigger('keydown.down')
  await input.trigger('keydown.enter')
  await flushPromises()
  expect(all.commands[2]?.run).toHaveBeenCalledOnce()
  expect(page.emitted('close')).toBeTruthy()
})

test('what does not work is told, and the palette stays', async () => {
  all.commands = [command('x', 'Silence', { run: () => Promise.reject(new Error('somebody was faster')) })]
  const { page, input } = await open()
  await input.trigger('keydown.enter')
  await flushPromises()
  expect(page.get('[role=alert]').text()).toBe('somebody was faster')
  expect(page.emitted('close')).toBeFalsy()
})

test('a reader hears which one is chosen and how many there are', async () => {
  const { page, input, type } = await open()
  await input.trigger('keydown.up')
  const chosen = page.get('[aria-selected=true]')
  expect(chosen.get('.title').text()).toBe('SEPA')
  expect(input.attributes('aria-activedescendant')).toBe(chosen.attributes('id'))
  await type('nothing like this')
  expect(page.get('[role=status]').text()).toBe('Nothing fits this.')
  expect(input.attributes('aria-activedescendant')).toBeUndefined()
})
