/** What the page of alerts shows, as it stands in the page's address. */
import type { LocationQuery, LocationQueryRaw } from 'vue-router'

export const TABS = ['alerts', 'silences', 'rules', 'statistics', 'delivery'] as const
export const STATUSES = ['open', 'active', 'acknowledged', 'resolved', 'all'] as const
export const AREAS = ['errors', 'sepa', 'performance', 'business', 'data_quality', 'operations', 'monitor'] as const
export const SEVERITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const
export const DAYS = [1, 7, 30, 90] as const
export const PAGE_SIZE = 50

export type Tab = (typeof TABS)[number]
export type Status = (typeof STATUSES)[number]

export interface Filters {
  tab: Tab
  status: Status
  /** Chosen severities, joined by commas; '' is all of them. */
  severity: string
  area: string
  rule: string
  search: string
  days: number
}

export const NO_FILTERS: Filters = { tab: 'alerts', status: 'open', severity: '', area: '', rule: '', search: '', days: 30 }

function text(query: LocationQuery, name: string): string {
  const value = query[name]
  return typeof value === 'string' ? value : ''
}

function among<T extends string>(value: string, allowed: readonly T[], otherwise: T): T {
  return allowed.find((one) => one === value) ?? otherwise
}

export function filtersOf(query: LocationQuery): Filters {
  const days = Number(text(query, 'days'))
  const chosen = text(query, 'severity').split(',')
  return {
    tab: among(text(query, 'tab'), TABS, NO_FILTERS.tab),
    status: among(text(query, 'status'), STATUSES, NO_FILTERS.status),
    severity: SEVERITIES.filter((one) => chosen.includes(one)).join(','),
    area: text(query, 'area'),
    rule: text(query, 'rule'),
    search: text(query, 'search'),
    days: DAYS.find((one) => one === days) ?? NO_FILTERS.days,
  }
}

/** Only what differs from the usual, so that addresses stay short. */
export function queryOf(filters: Filters): LocationQueryRaw {
  const entries = Object.entries(filters).filter(([name, value]) => value !== NO_FILTERS[name as keyof Filters])
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}

/** Open alerts are few and all of them matter: only the past is looked at by days. */
export function hasDays(filters: Filters): boolean {
  return filters.status === 'resolved' || filters.status === 'all'
}

/** The arguments of baken.get_alerts. */
export function argumentsOf(filters: Filters, limit: number): Record<string, string | number | undefined> {
  const { status, severity, area, rule, search, days } = filters
  const given = Object.entries({ severity, area, rule, search }).filter(([, value]) => value)
  return { status, ...Object.fromEntries(given), days: hasDays(filters) ? days : undefined, limit }
}

export function isNarrowed(filters: Filters): boolean {
  return Boolean(filters.severity || filters.area || filters.rule || filters.search) || filters.status !== NO_FILTERS.status
}

/** The chosen severities with one taken in or left out. */
export function toggled(severity: string, one: string): string {
  const chosen = severity ? severity.split(',') : []
  const next = chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]
  return SEVERITIES.filter((each) => next.includes(each)).join(',')
}
