/** The dashboards of the site as the server keeps them: the list, one of them, saving, deleting. */
import { read, write } from '../api/client'
import { bodyOf, type Body, type Kind, type Panel, type Place } from './body'

interface About {
  dashboard: string
  title: string
  owner: string
  mine: boolean
  shared: boolean
  /** Shared, but only the owner changes it. */
  locked: boolean
  can_change: boolean
  /** Counts the savings; whoever saves names the one that was read. */
  version: number
  created: string
  updated: string
  updated_by: string
}

export interface ListedDashboard extends About {
  panels: (Place & { kind: Kind })[]
}

export interface Dashboard extends About {
  body: Body
  /** Metrics in it that Baken does not know. */
  unknown: string[]
}

export interface DashboardList {
  dashboards: ListedDashboard[]
  most: number
}

/** Somebody else saved, or deleted it, meanwhile; `dashboard` is what stands there now. */
export interface Overtaken {
  version: number
  by: string
  at: string
  gone: boolean
  dashboard: Dashboard | null
}

export type Saved = { saved: true; dashboard: Dashboard } | ({ saved: false } & Overtaken)
export type Deleted = { deleted: true; version: number } | ({ deleted: false } & Overtaken)

export interface Wanted {
  title: string
  panels: readonly Panel[]
  shared?: boolean
  locked?: boolean
}

export const listDashboards = (signal?: AbortSignal) => read<DashboardList>('baken.get_dashboards', { signal })

export const readDashboard = (dashboard: string, signal?: AbortSignal) => read<Dashboard>('baken.get_dashboard', { args: { dashboard }, signal })

/** Saves over a version, or a new one when none is named. */
export function saveDashboard(wanted: Wanted, over?: { dashboard: string; version: number }): Promise<Saved> {
  const { title, panels, shared, locked } = wanted
  return write<Saved>('baken.save_dashboard', { args: { title, body: JSON.stringify(bodyOf(panels)), shared, locked, ...over } })
}

export async function createDashboard(wanted: Wanted): Promise<Dashboard> {
  const answer = await saveDashboard(wanted)
  if (!answer.saved) throw new Error(answer.by)
  return answer.dashboard
}

export const deleteDashboard = (dashboard: string, version: number) => write<Deleted>('baken.delete_dashboard', { args: { dashboard, version } })
