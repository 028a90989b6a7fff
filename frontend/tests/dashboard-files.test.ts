import { beforeEach, expect, test } from 'vitest'
import { setLanguage } from '../src/i18n'
import { bodyOf, KINDS, newPanel, shown, type Panel } from '../src/panels/body'
import { checkImport, exported } from '../src/panels/check'
import { wrongAt } from '../src/panels/json'
import { compact } from '../src/panels/layout'
import { addsUp, amountOf, formatNow, labelChoices, type MetricNow } from '../src/panels/now'
import { blocksOf, safeAddress, spansOf } from '../src/panels/words'
import { explorationOf, queryOf, readShown, writeShown } from '../src/views/explorer/query'
import { templates } from '../src/views/dashboards/templates'

const all = (): Panel[] => compact(KINDS.map((kind) => newPanel(kind, ['chart', 'figure', 'table'].includes(kind) ? [shown('frappe_sessions', { kind: ['a"b', 'c'] })] : [])))
const file = (panels: unknown, more: object = {}) => JSON.stringify({ format: 'baken-dashboard', version: 1, title: 'Kas', panels, ...more })

beforeEach(() => setLanguage('en'))

test('what is exported is imported as it was', () => {
  const panels = all()
  const found = checkImport(exported('Kas & bank', panels))
  expect(found.problems).toEqual([])
  expect(found.title).toBe('Kas & bank')
  expect(found.body).toEqual(bodyOf(panels))
})

test('an export holds the format, its version, the title and the panels, and nothing else', () => {
  expect(Object.keys(JSON.parse(exported('Kas', all())) as object)).toEqual(['format', 'version', 'title', 'panels'])
})

test('templates can be exported and imported, in both languages', async () => {
  for (const language of ['en', 'nl'] as const) {
    await setLanguage(language)
    for (const template of templates()) expect(checkImport(exported(template.title, template.panels)).body?.panels).toEqual(template.panels)
  }
})

test('a file that is no JSON is told by line and column', () => {
  const [problem] = checkImport('{\n  "format": "baken-dashboard",\n  "panels": [,]\n}').problems
  expect(problem).toBe('This is no JSON: look at line 3, column 14.')
  for (const [text, offset] of [['', 0], ['{', 1], ['{"a" 1}', 5], ['[1,]', 3], ['[1 2]', 3], ['"a', 0], ['tru', 0], ['01', 1], ['{}x', 2], ['{"a":"\n"}', 5], ['['.repeat(5000), 101]] as const)
    expect(wrongAt(text), text.slice(0, 20)).toBe(offset)
  for (const text of [file(all()), ' [1, -2.5e3, true, null, "\\u00e9"] ', exported('x', all())]) expect(wrongAt(text)).toBeNull()
})

test('a file that is something else says so', () => {
  expect(checkImport('[]').problems[0]).toContain('no dashboard of Baken')
  expect(checkImport(file([], { version: 9 })).problems[0]).toContain('version 9')
  expect(checkImport(file(Array.from({ length: 101 }, () => ({})))).problems[0]).toContain('101 panels')
  expect(checkImport(`"${'x'.repeat(100_001)}"`).problems[0]).toContain('100 kB')
})

test('every mistake is told with its panel, and nothing is taken half', async () => {
  const chart = { ...newPanel('chart', [shown('host_load')]), title: 'Load' }
  const bad = [{ ...chart, w: 14 }, { kind: 'pie' }, { ...chart, id: 'b', metrics: [{ metric: 'DROP TABLE' }], y: 5, limit: 'high' }, { ...newPanel('alerts'), y: 12, severities: ['URGENT'] }, { ...newPanel('text'), y: 20, text: 'a\u202eb' }]
  const found = checkImport(file(bad))
  expect(found.body).toBeNull()
  expect(found.problems).toEqual([
    'Panel 1 “Load”, w: expected a whole number from 1 to 12',
    'Panel 2, kind: expected one of chart, figure, table, alerts, errors, text',
    'Panel 3 “Load”, metrics 1: expected the name of a metric',
    'Panel 3 “Load”, limit: expected a number, or nothing',
    'Panel 4, severities: expected a list of CRITICAL, HIGH, MEDIUM, LOW',
    'Panel 5, text: expected a text of at most 10000 characters',
  ])
  await setLanguage('nl')
  expect(checkImport(file(bad)).problems[0]).toBe('Paneel 1 ‘Load’, w: verwacht wordt een heel getal van 1 tot en met 12')
})

test('panels over each other are moved apart, unknown metrics are kept, and both are told', () => {
  const panel = newPanel('figure', [shown('gone_metric')])
  const found = checkImport(file([panel, { ...panel, metrics: [{ metric: 'host_load' }] }]), (name) => name === 'host_load')
  expect(found.problems).toEqual([])
  expect(found.notes).toEqual(['Some panels lay over each other; they were moved apart.', 'Baken does not know the metric gone_metric; its panel is kept and says so.'])
  expect(found.body?.panels.map((one) => one.y)).toEqual([0, 3])
  expect(new Set(found.body?.panels.map((one) => one.id)).size).toBe(2)
})

test('text is formatted a little, and never becomes markup or a harmful link', () => {
  expect(blocksOf('# Kas\n\nEerst **dit**, dan *dat*.\n- een\n- `twee`\n1. x')).toEqual([
    { kind: 'heading', spans: [{ kind: 'text', text: 'Kas' }] },
    { kind: 'paragraph', spans: [{ kind: 'text', text: 'Eerst ' }, { kind: 'bold', text: 'dit' }, { kind: 'text', text: ', dan ' }, { kind: 'italic', text: 'dat' }, { kind: 'text', text: '.' }] },
    { kind: 'list', numbered: false, items: [[{ kind: 'text', text: 'een' }], [{ kind: 'code', text: 'twee' }]] },
    { kind: 'list', numbered: true, items: [[{ kind: 'text', text: 'x' }]] },
  ])
  expect(spansOf('<b onclick=x>')).toEqual([{ kind: 'text', text: '<b onclick=x>' }])
  expect(spansOf('[hier](https://baken.test/a) en https://x.test/b.')).toEqual([
    { kind: 'link', text: 'hier', to: 'https://baken.test/a' },
    { kind: 'text', text: ' en ' },
    { kind: 'link', text: 'https://x.test/b', to: 'https://x.test/b' },
    { kind: 'text', text: '.' },
  ])
  for (const to of ['javascript:alert(1)', 'JaVaScript:x', 'data:text/html,x', '//evil.test', '/\\evil.test', 'vbscript:x', 'https://[']) expect(safeAddress(to), to).toBeNull()
  expect(spansOf('[a](javascript:x)')).toEqual([{ kind: 'text', text: '[a](javascript:x)' }])
})

test('an address says what is explored, whatever the values of labels are', () => {
  const one = shown('erpnext_invoices', { status: ['Paid', 'a|b, c={d}%'], kind: ['é'] })
  expect(readShown(writeShown(one))).toEqual(one)
  for (const bad of ['', 'A', 'x{y', 'x{=a}', 'x{s=%}', '../x', 'x{S=a}']) expect(readShown(bad), bad).toBeNull()
  const state = { ...explorationOf({}), metrics: [one, shown('host_load')], draw: 'area' as const, sum: true, compare: 'week' as const, limit: 0 }
  expect(explorationOf(queryOf(state) as Record<string, string | string[]>)).toEqual(state)
  expect(queryOf(explorationOf({ m: 'host_load', draw: 'pie', compare: 'x', limit: 'y' }))).toEqual({ m: ['host_load'] })
  expect(queryOf(explorationOf({ search: 'kas', only: 'absent' }))).toEqual({ search: 'kas', only: 'absent' })
})

const now = (more: Partial<MetricNow>): MetricNow => ({ metric: 'm', domain: 'host', unit: 'members', help: '', kind: 'gauge', good: null, every: 60, at: null, absent: null, values: [], ...more })
const value = (labels: Record<string, string>, amount: number | null) => ({ labels, value: amount, at: '2026-11-01T10:00:00Z' })

test('label sets are added up only where that makes a whole', () => {
  const statuses = now({ values: [value({ status: 'Active' }, 5), value({ status: 'Pending' }, 2), value({ status: 'Gone' }, null)] })
  expect(amountOf(statuses, shown('m')).value).toBe(7)
  expect(amountOf(statuses, shown('m', { status: ['Pending'] })).value).toBe(2)
  expect(amountOf(statuses, shown('m', { status: ['Gone'] })).value).toBeNull()
  expect(addsUp('ratio', [{}, {}])).toBe(false)
  expect(addsUp('errors', [{ window: '1h' }, { window: '24h' }])).toBe(false)
  expect(addsUp('bytes', [{ state: 'total' }, { state: 'free' }])).toBe(false)
  expect(labelChoices(statuses)).toEqual([{ name: 'status', values: [{ value: 'Active', figure: 5 }, { value: 'Pending', figure: 2 }, { value: 'Gone', figure: null }] }])
})

test('a counter is told by how fast it grows; begun anew, it tells nothing', () => {
  const counter = now({ kind: 'counter', unit: 'bytes', values: [{ labels: {}, value: 3000, at: '2026-11-01T10:00:10Z', previous: 1000, previous_at: '2026-11-01T10:00:00Z' }] })
  const { value: rate } = amountOf(counter, shown('m'))
  expect(rate).toBe(200)
  expect(formatNow(counter, rate ?? 0)).toBe('200 B/s')
  expect(amountOf({ ...counter, values: [{ ...counter.values[0]!, value: 5 }] }, shown('m')).value).toBeNull()
})
