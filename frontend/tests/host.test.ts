import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { read, setCsrfToken, setSite, write } from '../src/api/client'
import { allCommands } from '../src/commands'
import App from '../src/App.vue'
import AccountControls from '../src/components/AccountControls.vue'
import { cookieUser, hostKind, signInAddress } from '../src/host'
import { keptSince } from '../src/offline'
import { router, showSignIn } from '../src/router'
import { loadSession, session } from '../src/session'
import { serve, type Asked } from './fixtures/server'

vi.mock('../src/views/dashboard/DashboardView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/alerts/AlertsView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/errors/ErrorsView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/sign-in/SignInView.vue', () => ({ default: { render: () => null } }))

const ACCOUNT = { user: 'els@example.test', full_name: 'Els', roles: [], site: 'een.test', sites: ['een.test'], csrf_token: 'c', live: false }
const ON_FRAPPE = { ...ACCOUNT, host: 'frappe' as const }
const REFUSED = { status: 403, body: { exc_type: 'PermissionError', _server_messages: '[]' } }

/** Where the page was sent, out of itself. */
const left: string[] = []

function signedIn(account: object = ON_FRAPPE): Asked[] {
  return serve({ 'baken.get_session': { message: account }, logout: { body: {} }, 'baken.get_profile': { message: { profile: {}, time_zone: 'UTC' } } })
}

beforeEach(async () => {
  serve({})
  session.value = null
  hostKind.value = null
  keptSince.value = null
  setSite('')
  document.cookie = 'user_id=; expires=Thu, 01 Jan 1970 00:00:00 GMT'
  await router.push('/login')
  await flushPromises()
  left.length = 0
  vi.spyOn(window.location, 'replace').mockImplementation((to) => void left.push(String(to)))
  vi.spyOn(window.location, 'assign').mockImplementation((to) => void left.push(String(to)))
})

test('signing in happens at the page of the host, and leads back', () => {
  const path = '/monitoring_dashboard/errors?range=7d'
  // Either host may have served a page that the browser kept: the address fits both.
  expect(new URLSearchParams(signInAddress(path)?.split('?')[1]).get('redirect-to')).toBe(path)
  expect(new URLSearchParams(signInAddress(path)?.split('?')[1]).get('next')).toBe(path)
  hostKind.value = 'frappe'
  expect(signInAddress(path)).toBe('/login?redirect-to=%2Fmonitoring_dashboard%2Ferrors%3Frange%3D7d')
  hostKind.value = 'server'
  expect(signInAddress(path)).toBeNull()
})

test('a session that has ended leads to Frappe, not to a form of this page', async () => {
  signedIn()
  await router.push('/monitoring_dashboard/alerts')
  serve({ 'baken.get_session': REFUSED, act: REFUSED })
  await expect(read('act')).rejects.toThrow()
  await flushPromises()
  expect(left).toEqual(['/login?redirect-to=%2Fmonitoring_dashboard%2Falerts'])
  // What is shown stays until the other page is there: emptied, it would ask for everything as nobody.
  expect(router.currentRoute.value.name).toBe('alerts')
  expect(session.value?.user).toBe(ACCOUNT.user)
})

test('on its own server it leads to the form of this page', async () => {
  signedIn(ACCOUNT)
  await router.push('/monitoring_dashboard/alerts')
  serve({ 'baken.get_session': REFUSED, act: REFUSED })
  await expect(read('act')).rejects.toThrow()
  await flushPromises()
  expect(left).toEqual([])
  expect(router.currentRoute.value.name).toBe('sign-in')
  expect(router.currentRoute.value.query).toEqual({ next: '/monitoring_dashboard/alerts', ended: '1' })
})

test('signing out ends the session of Frappe, with its token, and goes to its page', async () => {
  const log = signedIn()
  await loadSession()
  const page = mount(AccountControls, { global: { plugins: [router] } })
  await page.find('.leave').trigger('click')
  await vi.waitFor(() => expect(left).toEqual(['/login']))
  const sent = log.find((one) => one.method === 'logout')
  expect(sent?.verb).toBe('POST')
  expect(sent?.headers['X-Frappe-CSRF-Token']).toBe('c')
})

test('the frame leads back to the Desk, and to nothing that only the server has', async () => {
  signedIn()
  await router.push('/monitoring_dashboard')
  const page = mount(App, { global: { plugins: [router] } })
  await flushPromises()
  expect(page.find('a.desk').attributes('href')).toBe('/app')
  expect(page.find('a[href="/api/docs"]').exists()).toBe(false)
  expect((await allCommands()).some((one) => one.id === 'desk')).toBe(true)
  hostKind.value = 'server'
  await flushPromises()
  expect(page.find('a.desk').exists()).toBe(false)
  expect(page.find('a[href="/api/docs"]').exists()).toBe(true)
  expect((await allCommands()).some((one) => one.id === 'desk')).toBe(false)
})

test('the address says which site it is: none is named, whatever a link says', async () => {
  const log = signedIn()
  await router.push('/monitoring_dashboard')
  await router.push('/monitoring_dashboard/errors?site=twee.test')
  expect(session.value?.site).toBe('een.test')
  await read('baken.get_profile')
  expect(log.at(-1)?.headers['X-Frappe-Site-Name']).toBeUndefined()
})

test('a kept session of somebody who signed out in the Desk opens nothing', async () => {
  signedIn()
  document.cookie = `user_id=${encodeURIComponent(ACCOUNT.user)}`
  expect(cookieUser()).toBe(ACCOUNT.user)
  document.cookie = 'user_id=Guest'
  // Fresh: the server knows better than a cookie.
  expect((await loadSession())?.user).toBe(ACCOUNT.user)
  session.value = null
  serve({ 'baken.get_session': { message: ON_FRAPPE, headers: { 'X-Baken-Kept': new Date().toISOString() } } })
  expect(await loadSession()).toBeNull()
  expect(keptSince.value).toBeNull()
})

test("Frappe's own refusals are told in its words", async () => {
  const told = JSON.stringify([JSON.stringify({ message: 'Niet toegestaan voor <b>Els &amp; co</b>', indicator: 'red' })])
  serve({ act: { status: 417, body: { exc_type: 'ValidationError', _server_messages: told } }, other: { status: 417, body: { _server_messages: '{' } } })
  await expect(read('act')).rejects.toThrow('Niet toegestaan voor Els & co')
  await expect(read('other')).rejects.toThrow('HTTP 417')
})

test('a token that Frappe has renewed is asked for once', async () => {
  const tokens = ['old', 'new']
  const log = serve({
    'baken.get_session': () => ({ message: { ...ON_FRAPPE, csrf_token: tokens.shift() } }),
    act: (asked) =>
      asked.headers['X-Frappe-CSRF-Token'] === 'new'
        ? { message: 'done' }
        : { status: 400, body: { exc_type: 'CSRFTokenError', _server_messages: '["{\\"message\\": \\"Invalid Request\\"}"]' } },
  })
  await loadSession()
  expect(await write('act')).toBe('done')
  expect(log.filter((one) => one.method === 'act')).toHaveLength(2)
  setCsrfToken('')
})

test('after signing out, each host shows its own page', async () => {
  hostKind.value = 'frappe'
  await showSignIn()
  expect(left).toEqual(['/login'])
  hostKind.value = 'server'
  await showSignIn()
  expect(left).toHaveLength(1)
  expect(router.currentRoute.value.name).toBe('sign-in')
})
