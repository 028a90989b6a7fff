/** Checks a file that is to become a dashboard: whatever is wrong is told by its place, nothing is taken half. */
import { t } from '../i18n'
import {
  bodyOf,
  COMPARES,
  DRAWS,
  ERROR_SORTS,
  FORMAT,
  FORMAT_VERSION,
  KINDS,
  METRIC_LIMITS,
  MOST_PANELS,
  MOST_TITLE,
  newId,
  newPanel,
  ROW_LIMITS,
  SEVERITIES,
  type Body,
  type Kind,
  type Panel,
  type Shown,
} from './body'
import { wrongAt } from './json'
import { compact, COLUMNS, MOST_HEIGHT, overlap } from './layout'

export const MOST_BYTES = 100_000
const NAME = /^[a-z][a-z0-9_]{0,99}$/
// What a terminal would take for a command, and what turns the direction of writing.
const COMMANDS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

export interface Checked {
  title: string
  /** Null when there are problems. */
  body: Body | null
  problems: string[]
  /** What was kept although it will show nothing, such as metrics that Baken does not know. */
  notes: string[]
}

type Raw = Record<string, unknown>
const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)

/** "line 3, column 7" of a text that is no JSON, as people count. */
function syntaxProblem(text: string): string {
  const before = text.slice(0, wrongAt(text) ?? text.length).split('\n')
  return t('import.noJsonAt', { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 })
}

class PanelCheck {
  readonly problems: string[] = []

  constructor(
    private readonly raw: Raw,
    private readonly where: string,
  ) {}

  say(field: string, expected: string): void {
    this.problems.push(t('import.problem', { where: this.where, field, expected }))
  }

  whole(field: string, low: number, high: number, otherwise?: number): number {
    const value = this.raw[field] ?? otherwise
    if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value
    this.say(field, t('import.whole', { low, high }))
    return low
  }

  text(field: string, most: number): string {
    const value = this.raw[field] ?? ''
    if (typeof value === 'string' && value.length <= most && !COMMANDS.test(value) && (field === 'text' || !value.includes('\n'))) return value
    this.say(field, t('import.text', { most }))
    return ''
  }

  among<T extends string>(field: string, allowed: readonly T[], otherwise: T): T {
    const value = this.raw[field] ?? otherwise
    const found = allowed.find((one) => one === value)
    if (found === undefined) this.say(field, t('import.oneOf', { list: allowed.join(', ') }))
    return found ?? otherwise
  }

  metrics(kind: Kind): Shown[] {
    const limits = METRIC_LIMITS[kind]
    if (!limits) return []
    const list = this.raw['metrics']
    if (!Array.isArray(list) || list.length < limits[0] || list.length > limits[1]) {
      this.say('metrics', t('import.list', { low: limits[0], high: limits[1] }))
      return []
    }
    return list.flatMap((one: unknown, i) => this.shown(one, i + 1))
  }

  private shown(raw: unknown, number: number): Shown[] {
    const field = `metrics ${number}`
    if (!isObject(raw) || typeof raw['metric'] !== 'string' || !NAME.test(raw['metric'])) {
      this.say(field, t('import.metric'))
      return []
    }
    const labels = raw['labels'] ?? {}
    const good =
      isObject(labels) &&
      Object.keys(labels).length <= 10 &&
      Object.entries(labels).every(([name, values]) => NAME.test(name) && Array.isArray(values) && values.length <= 50 && values.every((one) => typeof one === 'string' && one.length <= 300))
    if (!good) {
      this.say(`${field} labels`, t('import.labels'))
      return []
    }
    const title = typeof raw['title'] === 'string' ? raw['title'].slice(0, MOST_TITLE) : ''
    return [{ metric: raw['metric'], labels: labels as Record<string, string[]>, title }]
  }
}

function panelOf(raw: unknown, number: number): { panel: Panel | null; problems: string[] } {
  const kind = isObject(raw) ? KINDS.find((one) => one === raw['kind']) : undefined
  if (!isObject(raw) || !kind) {
    const problem = t('import.problem', { where: t('import.panel', { number }), field: 'kind', expected: t('import.oneOf', { list: KINDS.join(', ') }) })
    return { panel: null, problems: [problem] }
  }
  const named = typeof raw['title'] === 'string' && raw['title'] ? t('import.panelNamed', { number, title: raw['title'].slice(0, 40) }) : t('import.panel', { number })
  const check = new PanelCheck(raw, named)
  const w = check.whole('w', 1, COLUMNS)
  const place = { w, x: check.whole('x', 0, COLUMNS - w), y: check.whole('y', 0, 2000), h: check.whole('h', 1, MOST_HEIGHT) }
  const id = typeof raw['id'] === 'string' && /^[A-Za-z0-9_-]{1,40}$/.test(raw['id']) ? raw['id'] : newId()
  const panel = { ...newPanel(kind, check.metrics(kind)), ...place, id, title: check.text('title', MOST_TITLE) } as Panel
  if (panel.kind === 'chart') {
    panel.draw = check.among('draw', DRAWS, 'line')
    panel.sum = raw['sum'] === true
    const limit = raw['limit'] ?? null
    if (limit === null || (typeof limit === 'number' && Number.isFinite(limit))) panel.limit = limit
    else check.say('limit', t('import.number'))
  }
  if (panel.kind === 'chart' || panel.kind === 'figure') panel.compare = check.among('compare', COMPARES, panel.compare)
  if ('rows' in panel) panel.rows = check.whole('rows', 1, ROW_LIMITS[panel.kind] ?? 1, panel.rows)
  if (panel.kind === 'errors') panel.sort = check.among('sort', ERROR_SORTS, 'count')
  if (panel.kind === 'text') panel.text = check.text('text', 10_000)
  if (panel.kind === 'alerts') {
    const chosen = raw['severities'] ?? []
    if (Array.isArray(chosen) && chosen.every((one) => (SEVERITIES as readonly unknown[]).includes(one))) panel.severities = [...new Set(chosen as string[])]
    else check.say('severities', t('import.someOf', { list: SEVERITIES.join(', ') }))
  }
  return { panel, problems: check.problems }
}

/** `known` tells whether a metric is in the catalogue; null when that is not known. */
export function checkImport(text: string, known: ((metric: string) => boolean) | null = null): Checked {
  const failed = (...problems: string[]): Checked => ({ title: '', body: null, problems, notes: [] })
  if (new TextEncoder().encode(text).length > MOST_BYTES) return failed(t('import.tooLarge', { most: MOST_BYTES / 1000 }))
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return failed(syntaxProblem(text))
  }
  if (!isObject(raw) || raw['format'] !== FORMAT || !Array.isArray(raw['panels'])) return failed(t('import.noDashboard', { format: FORMAT }))
  if (raw['version'] !== FORMAT_VERSION) return failed(t('import.otherVersion', { version: String(raw['version']), known: FORMAT_VERSION }))
  if (raw['panels'].length > MOST_PANELS) return failed(t('import.tooMany', { n: raw['panels'].length, most: MOST_PANELS }))
  const found = raw['panels'].map((one: unknown, i) => panelOf(one, i + 1))
  const problems = found.flatMap((one) => one.problems)
  const title = typeof raw['title'] === 'string' ? raw['title'].trim().slice(0, MOST_TITLE) : ''
  if (problems.length) return { title, body: null, problems, notes: [] }
  const panels = found.flatMap((one) => (one.panel ? [one.panel] : []))
  const ids = new Set<string>()
  for (const panel of panels) {
    if (ids.has(panel.id)) panel.id = newId()
    ids.add(panel.id)
  }
  const notes: string[] = []
  if (panels.some((a, i) => panels.some((b, j) => i < j && overlap(a, b)))) notes.push(t('import.overlap'))
  if (known) {
    const unknown = [...new Set(panels.flatMap((panel) => ('metrics' in panel ? panel.metrics.map((one) => one.metric) : [])))].filter((name) => !known(name))
    notes.push(...unknown.map((metric) => t('import.unknownMetric', { metric })))
  }
  return { title, body: bodyOf(compact(panels)), problems: [], notes }
}

/** The file of a dashboard: its title and panels, nothing of the site. */
export function exported(title: string, panels: readonly Panel[]): string {
  const { format, version } = bodyOf([])
  return `${JSON.stringify({ format, version, title, panels }, null, 2)}\n`
}
