import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, vi } from 'vitest'
import { setLanguage } from '../src/i18n'

enableAutoUnmount(afterEach)

beforeEach(async () => {
  localStorage.clear()
  await setLanguage('en')
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})
