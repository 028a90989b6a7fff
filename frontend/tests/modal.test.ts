import { mount } from '@vue/test-utils'
import { beforeEach, expect, test } from 'vitest'
import { nextTick } from 'vue'
import ModalDialog from '../src/components/ModalDialog.vue'

beforeEach(() => {
  // The test's DOM has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true
  }
  HTMLDialogElement.prototype.close = function close() {
    this.open = false
    this.dispatchEvent(new Event('close'))
  }
})

const open = (props = {}) => mount(ModalDialog, { props: { title: 'Rename', ...props }, slots: { default: '<input name="x" /><input name="find" type="search" />' }, attachTo: document.body })
const escape = (page: ReturnType<typeof open>) => page.get('dialog').trigger('keydown', { key: 'Escape' })

test('Escape leaves a dialog in which nothing was filled in to the browser', async () => {
  const page = open()
  await page.get('[name=find]').setValue('looked for')
  const event = new KeyboardEvent('keydown', { key: 'Escape', cancelable: true, bubbles: true })
  page.get('dialog').element.dispatchEvent(event)
  await nextTick()
  expect(event.defaultPrevented).toBe(false)
  expect(page.find('.asking').exists()).toBe(false)
})

test('what was filled in is not thrown away without a question, and Escape answers it with staying', async () => {
  const page = open()
  await page.get('[name=x]').setValue('words')
  await escape(page)
  expect(page.get('.asking').text()).toContain('Leave without saving?')
  expect(document.activeElement?.textContent).toBe('Keep editing')
  await escape(page)
  expect(page.find('.asking').exists()).toBe(false)
  await page.get('dialog').trigger('click')
  expect(page.emitted('close')).toBeUndefined()
  await page.get('.asking button').trigger('click')
  expect(page.emitted('close')).toHaveLength(1)
})

test('a question with nothing to lose closes at once', async () => {
  const page = open({ careless: true })
  await page.get('[name=x]').setValue('words')
  await page.get('dialog').trigger('click')
  expect(page.emitted('close')).toHaveLength(1)
})
