/** What the Explorer shows, as it stands in the page's address: a link shows the same to everybody of the site. */
import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { COMPARES, DRAWS, shown, type Compare, type Draw, type Shown } from '../../panels/body'

/** More than a dashboard's chart holds cannot be kept. */
export const MOST_METRICS = 12

export interface Exploration {
  metrics: Shown[]
  draw: Draw
  sum: boolean
  compare: Compare
  limit: number | null
  /** Of the list, while no metric is chosen. */
  search: string
  domain: string
  onlyAbsent: boolean
}

const METRIC = /^([a-z][a-z0-9_]{0,99})(?:\{(.*)\})?$/

/** erpnext_invoices{status=Paid|Overdue}: values are encoded as in an address, so that any character can be in them. */
export function writeShown(one: Shown): string {
  const labels = Object.entries(one.labels).filter(([, values]) => values.length)
  const inner = labels.map(([name, values]) => `${name}=${values.map(encodeURIComponent).join('|')}`).join(',')
  return inner ? `${one.metric}{${inner}}` : one.metric
}

export function readShown(text: string): Shown | null {
  const [, metric, inner] = METRIC.exec(text) ?? []
  if (metric === undefined) return null
  const labels: Record<string, string[]> = {}
  for (const part of (inner ?? '').split(',').filter(Boolean)) {
    const at = part.indexOf('=')
    const name = part.slice(0, at)
    if (at < 1 || !/^[a-z][a-z0-9_]*$/.test(name)) return null
    try {
      labels[name] = part.slice(at + 1).split('|').map(decodeURIComponent)
    } catch {
      return null // No value is written like this.
    }
  }
  return shown(metric, labels)
}

const text = (value: LocationQuery[string] | undefined) => (typeof value === 'string' ? value : '')

export function explorationOf(query: LocationQuery): Exploration {
  const given = [query['m'] ?? []].flat().filter((one): one is string => typeof one === 'string')
  const metrics = given.flatMap((one) => readShown(one) ?? [])
  const limit = Number(text(query['limit']) || NaN)
  return {
    metrics: metrics.filter((one, i) => metrics.findIndex((other) => other.metric === one.metric) === i).slice(0, MOST_METRICS),
    draw: DRAWS.find((one) => one === query['draw']) ?? 'line',
    sum: query['sum'] === '1',
    compare: COMPARES.find((one) => one === query['compare']) ?? 'none',
    limit: Number.isFinite(limit) ? limit : null,
    search: text(query['search']),
    domain: text(query['domain']),
    onlyAbsent: query['only'] === 'absent',
  }
}

/** Only what differs from the usual, so that addresses stay short. */
export function queryOf(one: Exploration): LocationQueryRaw {
  const query: LocationQueryRaw = {}
  if (one.metrics.length) {
    query['m'] = one.metrics.map(writeShown)
    if (one.draw !== 'line') query['draw'] = one.draw
    if (one.sum) query['sum'] = '1'
    if (one.compare !== 'none') query['compare'] = one.compare
    if (one.limit !== null) query['limit'] = String(one.limit)
    return query
  }
  if (one.search) query['search'] = one.search
  if (one.domain) query['domain'] = one.domain
  if (one.onlyAbsent) query['only'] = 'absent'
  return query
}
