/** How a list of sites can be sorted: by need as it came, or by one of the figures, the worst or the most first. */
import type { FleetSite } from './answers'

export const COLUMNS = ['site', 'open', 'errors', 'failing', 'backup', 'members', 'look'] as const
export type Column = (typeof COLUMNS)[number]
export interface Order {
  by: Column
  /** From small to great. */
  up: boolean
}

export const openOf = (site: FleetSite) => Object.values(site.alerts.open).reduce((sum, n) => sum + n, 0)

function figureOf(site: FleetSite, by: Exclude<Column, 'site'>): number | null {
  if (by === 'open') return openOf(site)
  if (by === 'errors') return site.errors.last_24h
  if (by === 'failing') return site.failing_payments
  if (by === 'backup') return site.backup_age_seconds
  if (by === 'members') return site.members
  return site.last_look.at === null ? null : Date.parse(site.last_look.at)
}

/** What is not known comes last, whichever way. */
export function sorted(sites: readonly FleetSite[], order: Order | null): FleetSite[] {
  if (!order) return [...sites]
  const { by, up } = order
  const sign = up ? 1 : -1
  if (by === 'site') return [...sites].sort((a, b) => sign * a.site.localeCompare(b.site))
  return [...sites].sort((a, b) => {
    const [one, other] = [figureOf(a, by), figureOf(b, by)]
    if (one === null || other === null) return Number(one === null) - Number(other === null)
    return sign * (one - other)
  })
}

/** The next order when a column is pressed: its most telling way, then the other, then by need again. */
export function pressed(order: Order | null, by: Column): Order | null {
  const first = by === 'site' || by === 'look'
  if (order?.by !== by) return { by, up: first }
  return order.up === first ? { by, up: !first } : null
}

/** An order as the address has it: the column, with a minus before it from great to small. */
export const orderText = (order: Order | null): string => (order ? `${order.up ? '' : '-'}${order.by}` : '')

/** The order that an address names; null, which is by need, when it names none. */
export function orderFrom(text: string): Order | null {
  const by = COLUMNS.find((one) => one === text.replace(/^-/, ''))
  return by ? { by, up: !text.startsWith('-') } : null
}
