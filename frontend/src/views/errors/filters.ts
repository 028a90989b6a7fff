/** What the list of patterns shows, as it stands in the page's address. */
import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { range, rangeQuery } from '../../range'

export const TABS = ['patterns', 'when', 'where', 'insights'] as const
export const SORTS = ['count', 'latest', 'first_seen', 'users', 'severity', 'trend'] as const
/** What is hidden until it is asked for: somebody has dealt with it. */
export const SETTLED = ['known', 'muted', 'resolved'] as const
export const PAGE_SIZE = 25

export type Tab = (typeof TABS)[number]
export type Sort = (typeof SORTS)[number]

export interface Filters {
  hours: number
  tab: Tab
  search: string
  category: string
  severity: string
  component: string
  area: string
  status: string
  /** '' is what nobody has dealt with; 'all' is everything. */
  state: string
  sort: Sort
}

export const NO_FILTERS: Filters = {
  hours: 24,
  tab: 'patterns',
  search: '',
  category: '',
  severity: '',
  component: '',
  area: '',
  status: '',
  state: '',
  sort: 'count',
}

/** Those that narrow the list; range, tab and order do not. */
export const NARROWING = ['search', 'category', 'severity', 'component', 'area', 'status', 'state'] as const

function text(query: LocationQuery, name: string): string {
  const value = query[name]
  return typeof value === 'string' ? value : ''
}

function among<T extends string>(value: string, allowed: readonly T[], otherwise: T): T {
  return allowed.find((one) => one === value) ?? otherwise
}

/** The span of time is the page's own: it is chosen in one place for all views. */
export function filtersOf(query: LocationQuery, hours: number): Filters {
  return {
    hours,
    tab: among(text(query, 'tab'), TABS, NO_FILTERS.tab),
    search: text(query, 'search'),
    category: text(query, 'category'),
    severity: text(query, 'severity'),
    component: text(query, 'component'),
    area: text(query, 'area'),
    status: text(query, 'status'),
    state: text(query, 'state'),
    sort: among(text(query, 'sort'), SORTS, NO_FILTERS.sort),
  }
}

/** Only what differs from the usual, so that addresses stay short. */
export function queryOf(filters: Filters): LocationQueryRaw {
  const entries = Object.entries(filters).filter(([name, value]) => name !== 'hours' && value !== NO_FILTERS[name as keyof Filters])
  return { ...Object.fromEntries(entries.map(([name, value]) => [name, String(value)])), ...rangeQuery() }
}

/** The arguments of baken.get_error_patterns. */
export function argumentsOf(filters: Filters, limit: number): Record<string, string | number | undefined> {
  const { hours, search, category, severity, component, area, status, state, sort } = filters
  const given = Object.entries({ search, category, severity, component, area, status }).filter(([, value]) => value)
  return {
    hours,
    until: range.value.live ? undefined : new Date(range.value.end).toISOString(),
    ...Object.fromEntries(given),
    state: state === 'all' ? undefined : state || 'open,regressed',
    sort,
    limit,
  }
}

export function isNarrowed(filters: Filters): boolean {
  return NARROWING.some((name) => filters[name] !== NO_FILTERS[name])
}
