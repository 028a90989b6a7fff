import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, test } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import type { AlertDetail, AlertRuleBrief } from '../src/api/alerts'
import { chooseRefresh } from '../src/preferences'
import { session } from '../src/session'
import AlertView from '../src/views/alert/AlertView.vue'
import { whereOf } from '../src/views/alerts/words'
import { alertDetail, ME, SITE } from './fixtures/alerts'
import { serve } from './fixtures/server'

const RULE: AlertRuleBrief = {
  name: 'ALERTMANAGER',
  rule_name: { en: 'Problem in Alertmanager', nl: 'Probleem in Alertmanager' },
  words: 'reported by another system',
  reason: { en: '', nl: '' },
  for: null,
  keep: null,
  severity: 'MEDIUM',
  kind: 'external',
  source: '',
  enabled: true,
}

beforeEach(() => {
  chooseRefresh(0)
  session.value = { user: ME, full_name: 'Admin', roles: ['System Manager'], site: SITE, sites: [SITE], csrf_token: 'x' }
})

async function open(given: Partial<AlertDetail>, number = '15') {
  serve({
    'baken.get_alert': { message: alertDetail(given, { rule: 'ALERTMANAGER', alert_type: 'ALERTMANAGER' }) },
    'verenigingen.www.monitoring_dashboard.get_active_alerts': { message: [] },
  })
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { name: 'alerts', path: '/alerts', component: { template: '' } },
      { name: 'alert', path: '/alerts/:number', component: AlertView },
      { name: 'error-pattern', path: '/errors/:pattern', component: { template: '' } },
    ],
  })
  await router.push(`/alerts/${number}`)
  const page = mount(AlertView, { global: { plugins: [router] } })
  await flushPromises()
  return page
}

test('what another system reports leads there, and to no rule of Baken’s', async () => {
  const page = await open({ rule: RULE, link: 'https://prometheus.example/graph' })
  const link = page.findAll('a').find((one) => one.text() === 'See it where it was reported')
  expect(link?.attributes('href')).toBe('https://prometheus.example/graph')
  expect(link?.attributes('rel')).toContain('noopener')
  expect(page.text()).toContain('Another monitoring system reports it')
  expect(page.text()).not.toContain('The rule Problem in Alertmanager')
})

test('an address that is none is no link', async () => {
  const page = await open({ rule: RULE, link: 'javascript:alert(1)' })
  expect(page.text()).not.toContain('See it where it was reported')
})

test('an alert is found by its number as messages have it, too', async () => {
  const page = await open({ rule: RULE }, 'BA-000015')
  expect(page.text()).toContain('Another monitoring system reports it')
})

test('what is wrong comes before where', () => {
  expect(whereOf({ labels: { instance: 'db1', problem: 'NodeDown' } })).toBe('problem NodeDown, instance db1')
})
