import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, test } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { safeReturn } from '../src/router'
import { session } from '../src/session'
import SignInView from '../src/views/sign-in/SignInView.vue'
import { serve } from './fixtures/server'

const ACCOUNT = { user: 'a@example.test', full_name: 'A', roles: [], site: 'b.test', sites: ['a.test', 'b.test'], csrf_token: 'c' }
const OPTIONS = { message: { sites: ['a.test', 'b.test'], demo: true, demo_users: [{ user: 'a@example.test', password: 'p' }] } }

beforeEach(() => {
  session.value = null
})

async function open(path: string): Promise<[VueWrapper, Router]> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: { template: '' } }] })
  await router.push(path)
  const page = mount(SignInView, { global: { plugins: [router] } })
  await flushPromises()
  return [page, router]
}

test('signs in at the chosen site and goes back to where one was', async () => {
  const log = serve({
    'baken.get_sign_in_options': OPTIONS,
    login: { body: { message: 'Logged In', full_name: 'A', csrf_token: 'c', site: 'b.test' } },
    'baken.get_session': { message: ACCOUNT },
  })
  const [page, router] = await open('/login?next=/monitoring_dashboard/metrics')
  await page.get('#site').setValue('b.test')
  await page.get('.demo button').trigger('click')
  await page.get('form').trigger('submit')
  await flushPromises()
  expect(log.find((asked) => asked.method === 'login')?.body).toEqual({ usr: 'a@example.test', pwd: 'p', site: 'b.test' })
  expect(router.currentRoute.value.path).toBe('/monitoring_dashboard/metrics')
  expect(session.value?.site).toBe('b.test')
})

test.each([
  [401, 'do not belong together', {}],
  [403, 'Verenigingen Administrator is needed', {}],
  [429, 'Wait 30 seconds', { 'Retry-After': '30' }],
])('a refusal with %i is explained', async (status, words, headers) => {
  serve({ 'baken.get_sign_in_options': OPTIONS, login: { status, body: { exc_type: 'X', message: 'no' }, headers } })
  const [page] = await open('/login')
  await page.get('form').trigger('submit')
  await flushPromises()
  expect(page.get('[role=alert]').text()).toContain(words)
})

test('the way back is a path of the dashboard, never another address', () => {
  expect(safeReturn('/monitoring_dashboard?x=1')).toBe('/monitoring_dashboard?x=1')
  for (const wrong of ['//evil.test', 'https://evil.test/monitoring_dashboard', '/monitoring_dashboardx', undefined]) {
    expect(safeReturn(wrong)).toBe('/monitoring_dashboard')
  }
})
