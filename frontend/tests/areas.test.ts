import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { absentIn, alertsOf, chartsOf, incidentsOf, inRows, limitOf, metricsOfAll, missingIn, stateOf, unusualBefore, unusualNow, valueOf, type Section } from '../src/areas/area'
import type { FigureOf, FiguresAnswer, Incident, Limit, Unusual } from '../src/areas/answers'
import AreaSection from '../src/areas/AreaSection.vue'
import BarRows from '../src/areas/BarRows.vue'
import FigureTile from '../src/areas/FigureTile.vue'
import { setOpen } from '../src/areas/folds'
import { goTo } from '../src/areas/go'
import { changedText, changeText, rangeText, startText } from '../src/areas/words'
import type { Alert } from '../src/api/alerts'
import { setLanguage } from '../src/i18n'
import { chooseRange, chooseSpan } from '../src/range'
import { sections as membersSections } from '../src/views/members/sections'
import TodoList from '../src/views/members/parts/TodoList.vue'
import { CODES, meaningOf } from '../src/views/sepa/codes'
import AuditGrid from '../src/views/sepa/parts/AuditGrid.vue'
import ReturnReasons from '../src/views/sepa/parts/ReturnReasons.vue'
import { sections as sepaSections } from '../src/views/sepa/sections'
import { sections as systemSections } from '../src/views/system/sections'
import DiskRoom from '../src/views/system/parts/DiskRoom.vue'
import FailingJobs from '../src/views/system/parts/FailingJobs.vue'
import { messagesOf } from '../messages'
import { join } from 'node:path'

const EN = messagesOf(join(__dirname, '../src'), 'en')

const stretch = (over: Partial<Unusual> = {}): Unusual => ({ start: 0, end: 1, above: true, points: 3, worst: 30, at: 0, low: 0, high: 10, now: true, ...over })

function figure(series: [labels: Record<string, string>, value: number | null, before?: number | null, unusual?: Unusual[]][], over: Partial<FigureOf> = {}): FigureOf {
  return {
    unit: 'jobs', kind: 'gauge', good: 'down', at: '2026-11-27T12:00:00Z', absent: null, limits: [],
    texts: { en: { title: 'Jobs waiting', help: 'Jobs that wait' }, nl: { title: 'Wachtende taken', help: 'Taken die wachten' } },
    series: series.map(([labels, value, before = null, unusual = []]) => ({ labels, value, before, unusual, usual_absent: null })),
    ...over,
  }
}

const section: Section = {
  id: 'one', title: 'One', icon: 'server',
  figures: [{ metric: 'a', of: { metric: 'b' } }],
  charts: [{ title: 'Chart', metrics: [{ metric: 'a' }, { metric: 'c' }] }],
  also: ['d'],
}

beforeEach(async () => {
  await setLanguage('en')
  chooseRange('24h')
})
afterEach(() => vi.restoreAllMocks())

test('a section knows its metrics, its alerts, and whether it is there at all', () => {
  expect(metricsOfAll([section, section])).toEqual(['a', 'b', 'c', 'd'])
  const alert = (metric: string | null, severity = 'LOW') => ({ metric, severity }) as Alert
  expect(alertsOf(section, [alert('d'), alert('x'), alert(null)])).toHaveLength(1)
  expect([stateOf([]), stateOf([alert('a')]), stateOf([alert('a', 'HIGH')])]).toEqual(['ok', 'attention', 'critical'])
  const gone = (why: string) => figure([], { absent: why })
  const none: FiguresAnswer = { a: gone('no Redis'), b: gone('no Redis'), c: gone('no log'), d: gone('no log') }
  expect(missingIn(section, none)).toEqual(['no Redis', 'no log'])
  expect(missingIn(section, { ...none, c: figure([[{}, 1]]) })).toBeNull()
  expect(missingIn(section, null)).toBeNull()
  expect(chartsOf(section, none)).toEqual([])
  expect(chartsOf(section, { ...none, c: figure([[{}, 1]]) })).toHaveLength(1)
  expect(absentIn(section, { ...none, c: figure([[{}, 1]], { absent: 'old' }) })).toEqual([
    { reason: 'no Redis', titles: ['Jobs waiting', 'Jobs waiting'] },
    { reason: 'no log', titles: ['Jobs waiting'] },
  ])
})

test('a figure is that of its labels, or of all of them together', () => {
  const figures = { a: figure([[{ q: 'x' }, 3, 1], [{ q: 'y' }, 4, 6]]) }
  expect(valueOf(figures, { metric: 'a' })).toEqual({ value: 7, before: 7 })
  expect(valueOf(figures, { metric: 'a', take: 'max' })).toEqual({ value: 4, before: 6 })
  expect(valueOf(figures, { metric: 'a', labels: { q: 'x' } })).toEqual({ value: 3, before: 1 })
  expect(valueOf(figures, { metric: 'missing' })).toEqual({ value: null, before: null })
  expect(valueOf({ a: figure([[{ q: 'x' }, 3, null], [{ q: 'y' }, 4, 6]]) }, { metric: 'a' })).toEqual({ value: 7, before: null })
})

test('the limit that is reached first counts, and only a limit about these labels', () => {
  const limits: Limit[] = [
    { rule: 'B', severity: 'HIGH' as const, how: 'above' as const, figure: 50, match: {} },
    { rule: 'A', severity: 'LOW' as const, how: 'above' as const, figure: 20, match: {} },
    { rule: 'C', severity: 'LOW' as const, how: 'above' as const, figure: 3, match: { q: 'x' } },
  ]
  expect(limitOf(figure([], { limits }), undefined)?.rule).toBe('A')
  expect(limitOf(figure([], { limits }), { q: 'x' })?.rule).toBe('C')
  expect(limitOf(figure([]), undefined)).toBeNull()
  const down = [3, 14].map((figureOf) => ({ rule: `D${figureOf}`, severity: 'HIGH' as const, how: 'below' as const, figure: figureOf, match: {} }))
  expect(limitOf(figure([], { limits: down }), undefined)?.rule).toBe('D14')
})

test('what is unusual now comes farthest first, and what is over is counted', () => {
  const figures = {
    a: figure([[{ q: 'x' }, 12, 1, [stretch({ worst: 12 })]], [{ q: 'y' }, 90, 1, [stretch({ worst: 90 }), stretch({ now: false })]]]),
    b: figure([[{}, 1, 1, [stretch({ now: false })]]]),
  }
  expect(unusualNow(['a', 'b'], figures).map((one) => one.labels['q'])).toEqual(['y', 'x'])
  expect(unusualBefore(['a', 'b'], figures)).toBe(2)
})

test('incidents of the page are those about its figures and about the whole site', () => {
  const one = (metrics: string[], whole = false) => ({ metrics, whole }) as Incident
  expect(incidentsOf(['a'], [one(['a']), one(['b']), one(['c'], true)])).toHaveLength(2)
})

test('changes, spans and ranges in words', async () => {
  expect(changedText(12.4, 'members')).toBe('+12 in 24 hours')
  expect(changedText(-0.031, 'ratio')).toBe('−3.1 points in 24 hours')
  expect(changedText(0.3, 'members')).toBeNull()
  expect(changedText(-0.00001, 'seconds')).toBeNull()
  expect(changeText(-297, 'EUR')).toBe('−€297.00')
  expect(rangeText(0, 7, 'jobs')).toBe('up to 7')
  expect(rangeText(2, 7, 'jobs')).toBe('2 to 7')
  expect(rangeText(7, 7, 'jobs')).toBe('7')
  chooseRange('7d')
  expect(startText()).toBe('7 days')
  chooseSpan(Date.UTC(2026, 0, 2, 12), Date.UTC(2026, 0, 3, 12))
  expect(changedText(2, 'jobs')).toMatch(/^\+2 since 2 Jan, \d\d:\d\d$/)
  await setLanguage('nl')
  expect(changedText(2, 'jobs')).toMatch(/^\+2 sinds 2 jan,? /)
})

test('a tile tells the figure, its change, its limit and that it is unusual', () => {
  const limits = [{ rule: 'A', severity: 'LOW' as const, how: 'above' as const, figure: 20, match: {} }]
  const figures = { frappe_queue_length: figure([[{ queue: 'long' }, 30, 4, [stretch()]]], { limits }) }
  const tile = mount(FigureTile, { props: { wanted: { metric: 'frappe_queue_length', advice: 'Wait.' }, figures } })
  const text = tile.text()
  for (const part of ['Jobs waiting', '30', '+26 in 24 hours', 'Higher than usual; usually up to 10 at this hour', 'Alert above 20', 'Wait.']) expect(text).toContain(part)
  // What machines do is no matter of good and bad by itself.
  expect(tile.find('.worse').exists()).toBe(false)
  const members = mount(FigureTile, { props: { wanted: { metric: 'association_members' }, figures: { association_members: figure([[{}, 30, 4]], { good: 'up' }) } } })
  expect(members.find('.better').exists()).toBe(true)
})

test('a tile without a figure says why', () => {
  const tile = mount(FigureTile, { props: { wanted: { metric: 'a' }, figures: { a: figure([[{}, null]], { absent: 'a reason of its own' }) } } })
  expect(tile.text()).toContain('a reason of its own')
})

test('a yes or no on the wrong side is marked, and has no limit', () => {
  const limits = [{ rule: 'SITE_DOWN', severity: 'CRITICAL' as const, how: 'below' as const, figure: 1, match: {} }]
  const down = mount(FigureTile, { props: { wanted: { metric: 'a' }, figures: { a: figure([[{}, 0, 1]], { unit: 'bool', good: 'up', limits }) } } })
  expect(down.find('.bad').text()).toBe('No')
  expect(down.text()).not.toContain('Alert below')
})

test('bars rank what is there and leave out what is zero', () => {
  const rows = [{ name: 'few', value: 1 }, { name: 'none', value: 0 }, { name: 'many', value: 4 }, { name: 'unknown', value: null }]
  const bars = mount(BarRows, { props: { title: 'Rows', rows, format: String, ranked: true } })
  expect(bars.findAll('.name').map((one) => one.text())).toEqual(['many', 'few'])
})

test('every reason code has its meaning and its advice, and others say that they are not known', () => {
  for (const code of CODES) {
    const found = meaningOf(code)
    expect(EN[`sepa.code.${code}`], code).toBeTruthy()
    expect(found.meaning).toBe(EN[`sepa.code.${code}`])
    expect(found.todo).toBe(EN[`sepa.todo.${code}`])
  }
  expect(meaningOf('md01')).toMatchObject({ code: 'MD01', final: true })
  expect(meaningOf('AM04').final).toBe(false)
  expect(meaningOf('XX99').meaning).toBe(EN['sepa.code.unknown'])
  expect(meaningOf('none given')).toMatchObject({ code: '', meaning: EN['sepa.code.none'] })
})

test('what came back is told by reason', () => {
  const figures = { sepa_returns: figure([[{ reason: 'AM04' }, 2], [{ reason: 'MD01' }, 5], [{ reason: 'AC01' }, 0]]) }
  const text = mount(ReturnReasons, { props: { figures } }).text()
  expect(text).toContain('7 direct debits came back')
  expect(text.indexOf('MD01')).toBeLessThan(text.indexOf('AM04'))
  expect(text).not.toContain('AC01')
  expect(mount(ReturnReasons, { props: { figures: { sepa_returns: figure([[{ reason: 'AM04' }, 0]]) } } }).text()).toBe('No direct debit came back')
})

test('the audit log by process and status', () => {
  const event = (process: string, status: string, value: number): [Record<string, string>, number] => [{ process, status }, value]
  const events = [event('Bank Submission', 'Compliant', 3), event('Bank Submission', 'Failed', 1), event('Mandate Creation', 'Compliant', 4), event('Batch Generation', 'Compliant', 0)]
  const grid = mount(AuditGrid, { props: { figures: { sepa_audit_events: figure(events) } } })
  expect(grid.text()).toContain('88% of 8 steps went as they should.')
  expect(grid.findAll('tbody th').map((one) => one.text())).toEqual(['Mandate creation', 'Batch generation', 'Bank submission'])
  expect(grid.findAll('.state').map((one) => one.classes().at(-1))).toEqual(['ok', 'unknown', 'critical'])
})

test('the treasurer is told what to do, or that there is nothing', () => {
  const euro = (value: number) => figure([[{}, value]], { unit: 'EUR' })
  const busy = { erpnext_overdue_amount: euro(297), erpnext_invoices: figure([[{ status: 'Overdue' }, 17], [{ status: 'Draft' }, 1]]) }
  const text = mount(TodoList, { props: { figures: busy } }).text()
  expect(text).toContain('17 invoices are overdue, €297.00 in all')
  expect(text).toContain('1 invoice is still a draft')
  expect(mount(TodoList, { props: { figures: { erpnext_overdue_amount: euro(0) } } }).text()).toContain('Nothing waits for you')
  expect(mount(TodoList, { props: { figures: {} } }).find('section').exists()).toBe(false)
})

test('what is left on the disks, and jobs that fail by name', () => {
  const disks = {
    host_disk_used_ratio: figure([[{ mount: '/' }, 0.25]], { unit: 'ratio' }),
    host_disk_bytes: figure([[{ mount: '/', state: 'free' }, 80e9, 84e9]], { unit: 'bytes' }),
  }
  const room = mount(DiskRoom, { props: { figures: disks } })
  expect(room.text()).toContain('80 GB left')
  expect(room.text()).toContain('room: −4 GB in 24 hours')
  expect(room.find('[role=meter]').attributes('aria-valuenow')).toBe('25')
  const failing = { frappe_scheduled_job_failing: figure([[{ job: 'b.two' }, 1], [{ job: 'a.one' }, 1], [{ job: 'c.well' }, null]]), frappe_scheduled_jobs_late: figure([[{}, 2]]) }
  const jobs = mount(FailingJobs, { props: { figures: failing } })
  expect(jobs.findAll('code').map((one) => one.text())).toEqual(['a.one', 'b.two'])
  expect(jobs.text()).toContain('2 scheduled jobs are overdue.')
})

test('sections are whole: no id and no figure twice, and at most what one question may name', () => {
  for (const all of [systemSections(), membersSections(), sepaSections()]) {
    expect(new Set(all.map((one) => one.id)).size).toBe(all.length)
    expect(metricsOfAll(all).length).toBeLessThanOrEqual(100)
    for (const one of all) {
      const keys = one.figures.map((wanted) => `${wanted.metric}${JSON.stringify(wanted.labels)}`)
      expect(new Set(keys).size, one.id).toBe(keys.length)
    }
  }
})

test('no chart stands beside a hole: one that would be alone in its row takes the whole of it', () => {
  const rows = (wide: boolean[]) => inRows(wide.map((each, n) => ({ title: String(n), metrics: [], wide: each }))).map((one) => one.wide)
  expect(rows([true, false, false])).toEqual([true, false, false])
  expect(rows([false, true, false, false, false])).toEqual([true, true, false, false, true])
  expect(rows([])).toEqual([])
})

test('on a phone a section is folded until it is asked for, and what was chosen is remembered', async () => {
  localStorage.removeItem('baken.sections')
  vi.stubGlobal('matchMedia', () => ({ matches: true, addEventListener: () => {}, removeEventListener: () => {} }))
  const props = { figures: { a: figure([[{}, 3]]) }, alerts: [], missing: null, state: 'ok' as const, version: null }
  const plain: Section = { id: 'folded', title: 'Jobs', icon: 'server', figures: [{ metric: 'a' }], charts: [] }
  const first = mount(AreaSection, { global: { stubs: ['RouterLink'] }, props: { ...props, section: { ...plain, id: 'opened' }, first: true } })
  expect(first.get('h2 button').attributes('aria-expanded')).toBe('true')
  const later = mount(AreaSection, { global: { stubs: ['RouterLink'] }, props: { ...props, section: plain, first: false } })
  const head = later.get('h2 button')
  expect(head.attributes('aria-expanded')).toBe('false')
  expect(later.text()).toContain('No open alerts')
  expect(later.find('.tiles').exists()).toBe(false)
  await head.trigger('click')
  expect(later.get('.tiles').text()).toContain('3')
  expect(JSON.parse(localStorage.getItem('baken.sections') ?? '')).toEqual({ folded: true })
  // A link to a section opens it.
  setOpen('folded', false)
  await later.vm.$nextTick()
  expect(later.find('.tiles').exists()).toBe(false)
  document.body.append(later.element)
  goTo('folded')
  await later.vm.$nextTick()
  expect(later.find('.tiles').exists()).toBe(true)
  // What is not there at all is said in a line: nothing to fold.
  const gone = mount(AreaSection, { global: { stubs: ['RouterLink'] }, props: { ...props, section: { ...plain, id: 'gone' }, missing: ['no reason'], first: false } })
  expect(gone.find('h2 button').exists()).toBe(false)
  expect(gone.text()).toContain('no reason')
  later.unmount()
  vi.unstubAllGlobals()
})
