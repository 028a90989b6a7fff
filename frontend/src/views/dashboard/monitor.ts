/** How far the figures on the page can be trusted now, from the monitor's own status and the age of the figures. */
import { parseTime } from '../../format'
import type { MonitorStatus } from '../../api/types'

/** A figure older than this is called old; the slowest figure on the page is measured once an hour. */
export const STALE_MS = 2 * 3_600_000
/** The collector reports at least every minute. */
export const SILENT_MS = 3 * 60_000

export interface MonitorFacts {
  collectorAt: number | null
  collectorOk: boolean | null
  collectorReason: string | null
  siteOk: boolean | null
  siteReason: string | null
  siteAt: number | null
  absent: number | null
}

type Tree = Record<string, unknown>

function tree(value: unknown): Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : {}
}

function text(...values: unknown[]): string | null {
  return values.find((value): value is string => typeof value === 'string' && value !== '') ?? null
}

function flag(...values: unknown[]): boolean | null {
  return values.find((value): value is boolean => typeof value === 'boolean') ?? null
}

function moment(...values: unknown[]): number | null {
  const found = values.find((value) => typeof value === 'string' || typeof value === 'number')
  return parseTime(found as string | number | undefined)
}

export function factsOf(status: MonitorStatus): MonitorFacts {
  const collector = tree(status['collector'])
  const site = tree(status['site'])
  const absent = status['absent'] ?? site['absent']
  return {
    collectorAt: moment(collector['last_seen'], collector['at'], status['collected_at']),
    collectorOk: flag(collector['running'], collector['alive'], collector['ok']),
    collectorReason: text(collector['reason']),
    siteOk: flag(site['ok'], site['reachable']),
    siteReason: text(site['reason']),
    siteAt: moment(site['at'], site['last_measured']),
    absent: typeof absent === 'number' ? absent : null,
  }
}

export function isSilent(facts: MonitorFacts, nowMs: number): boolean {
  if (facts.collectorOk === false) return true
  return facts.collectorAt !== null && nowMs - facts.collectorAt > SILENT_MS
}
