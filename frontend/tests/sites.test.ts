import { flushPromises } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { setSite } from '../src/api/client'
import { openSite, router } from '../src/router'
import { session } from '../src/session'
import { serve, type Asked } from './fixtures/server'

// Which view opens is what is looked at, not the view.
vi.mock('../src/views/dashboard/DashboardView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/alerts/AlertsView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/alert/AlertView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/errors/ErrorsView.vue', () => ({ default: { render: () => null } }))
vi.mock('../src/views/sign-in/SignInView.vue', () => ({ default: { render: () => null } }))

const SITES = ['een.test', 'twee.test']

/** A server where the person is signed in to SITES; `live` false, so that no stream is sought. */
function signedIn(sites = SITES): Asked[] {
  return serve({
    'baken.get_session': (asked) => {
      const site = asked.headers['X-Frappe-Site-Name'] ?? sites[0] ?? ''
      if (!sites.includes(site)) return { status: 403, body: { exc_type: 'PermissionError', message: `sign in to ${site}` } }
      return { message: { user: 'els', full_name: 'Els', roles: [], site, sites, csrf_token: 'c', live: false } }
    },
  })
}

const here = () => router.currentRoute.value

beforeEach(async () => {
  session.value = null
  setSite('')
  serve({})
  await router.push('/login')
  await flushPromises()
})

test('with several sites the address says which one, with one it does not', async () => {
  signedIn()
  await router.push('/monitoring_dashboard/alerts?tab=rules')
  expect(here().query).toEqual({ tab: 'rules', site: 'een.test' })
  session.value = null
  setSite('')
  signedIn(['een.test'])
  await router.push('/monitoring_dashboard/errors')
  expect(here().query).toEqual({})
})

test('a link to another site of mine shows that one, and calls are about it', async () => {
  const log = signedIn()
  await router.push('/monitoring_dashboard/alerts?site=twee.test')
  expect(session.value?.site).toBe('twee.test')
  await openSite('een.test')
  expect(session.value?.site).toBe('een.test')
  expect(here().fullPath).toBe('/monitoring_dashboard/alerts?site=een.test')
  expect(log.at(-1)?.headers['X-Frappe-Site-Name']).toBe('een.test')
})

test('what belongs to one site is left for the overview of the other', async () => {
  signedIn()
  await router.push('/monitoring_dashboard/alerts/12')
  await openSite('twee.test')
  expect(here().fullPath).toBe('/monitoring_dashboard?site=twee.test')
})

test('a link to a site that I am not signed in to asks me to, and the one before stays', async () => {
  signedIn()
  await router.push('/monitoring_dashboard/alerts')
  await router.push('/monitoring_dashboard/errors?site=drie.test')
  expect(here().name).toBe('sign-in')
  expect(here().query['next']).toBe('/monitoring_dashboard/errors?site=drie.test')
  await router.push('/monitoring_dashboard/alerts')
  expect(session.value?.site).toBe('een.test')
})
