import { expect, test } from 'vitest'
import type { ErrorPattern } from '../src/api/types'
import { curlOf, operationsOf, type OpenApi } from '../src/docs/openapi'
import { together, toSeries } from '../src/series'
import { patternName } from '../src/views/dashboard/answers'
import { disksOf, figureOf } from '../src/views/dashboard/performance'

test('performance figures are found plain, per label, and summed over labels', () => {
  const group = { host_cpu_ratio: 0.2, load: { '1m': 1, '5m': 0.5 }, frappe_queue_length: { short: 2, long: 1 }, sessions: null }
  const find = (metric: string, labels?: Record<string, string>) => figureOf(group, { metric, labels, unit: '', text: 'perf.cpu' })
  expect(find('host_cpu_ratio')).toBe(0.2)
  expect(find('host_load', { window: '5m' })).toBe(0.5)
  expect(find('frappe_queue_length')).toBe(3)
  expect(find('frappe_sessions')).toBeNull()
  expect(find('host_swap_used_ratio')).toBeNull()
})

test('disks come as a list or per mount', () => {
  expect(disksOf({ disks: [{ mount: '/', used_ratio: 0.4, used: 4, total: 10 }] })).toEqual([{ mount: '/', ratio: 0.4, used: 4, total: 10 }])
  expect(disksOf({ host_disk_used_ratio: { '/': 0.4 } })).toEqual([{ mount: '/', ratio: 0.4, used: null, total: null }])
  expect(disksOf(undefined)).toEqual([])
})

test('unmeasured points are left out of a course, not drawn as zero', () => {
  expect(toSeries({ series: [{ labels: {}, at: [1, 2, 3], value: [5, null, 7] }] })).toEqual([{ labels: {}, at: [1, 3], value: [5, 7] }])
})

test('a course of several label sets is their sum where all were measured', () => {
  const all = [
    { labels: { queue: 'short' }, at: [1, 2, 3], value: [1, 1, 1] },
    { labels: { queue: 'long' }, at: [2, 3], value: [5, 6] },
  ]
  expect(together(all)).toEqual({ labels: {}, at: [2, 3], value: [6, 7] })
  expect(together([])).toBeNull()
})

const SPEC: OpenApi = {
  info: { title: 'Baken', version: '1' },
  paths: {
    '/api/method/ping': { get: { security: [{}], responses: {} } },
    '/api/method/baken.get_series': {
      get: {
        'x-roles': ['System Manager'],
        parameters: [{ name: 'metric', in: 'query', required: true, schema: { $ref: '#/components/schemas/Name' } }],
        responses: { 200: { description: 'ok', content: { 'application/json': { schema: { $ref: '#/components/schemas/Answer' } } } } },
      },
      post: {},
    },
    '/api/method/v.w.act': { post: { tags: ['v.w'] } },
    '/api/method/baken.act': { post: { tags: ['v.w'] } },
  },
  components: { schemas: { Name: { type: 'string' }, Answer: { properties: { message: { type: 'array', items: { type: 'number' } } } } } },
}

test('the API reference reads parameters, roles and answers, and gives a command to paste', () => {
  const [ping, series, act, ...more] = operationsOf(SPEC)
  expect(act).toMatchObject({ name: 'v.w.act', aliases: ['baken.act'] })
  expect(more).toEqual([])
  expect(ping?.roles).toBeNull()
  expect(series).toMatchObject({ verb: 'GET', group: 'baken', roles: ['System Manager'] })
  expect(series?.parameters).toEqual([{ name: 'metric', type: 'string', required: true, fallback: null, description: '' }])
  expect(series?.answers[0]?.shape).toBe('{\n  message: [number]\n}')
  expect(series && curlOf(series, 'http://h')).toContain('--data-urlencode "metric=…"')
  expect(ping && curlOf(ping, 'http://h')).not.toContain('Authorization')
})

test('patterns that share an exception are told apart by their text', () => {
  const one = (exception: string | null, template: string) => ({ exception, template }) as ErrorPattern
  const all = [one('frappe.exceptions.ValidationError', 'no IBAN'), one('ValidationError', 'no mandate'), one('a.KeyError', 'x'), one(null, 'Batch failed')]
  expect(all.map((_, i) => patternName(all, i))).toEqual(['ValidationError: no IBAN', 'ValidationError: no mandate', 'KeyError', 'Batch failed'])
})
