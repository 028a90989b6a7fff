/** How many alerts are open, for the mark beside their name in the navigation and on the app's symbol. */
import { ref, watch } from 'vue'
import type { AlertsList } from './api/alerts'
import { read } from './api/client'
import { onChange } from './live'
import { session } from './session'
import type { Severity } from './api/types'

export interface OpenAlerts {
  /** Open and not acknowledged. */
  active: number
  worst: Severity | null
}

const EVERY_MS = 60_000
const RANKED: readonly Severity[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW']

/** Null while nobody knows. */
export const openAlerts = ref<OpenAlerts | null>(null)

async function look(): Promise<void> {
  if (!session.value || document.hidden) return
  try {
    const { counts } = await read<AlertsList>('baken.get_alerts', { args: { status: 'active', limit: 1 } })
    openAlerts.value = { active: counts.active, worst: RANKED.find((one) => counts.open[one]) ?? null }
  } catch {
    // Not known now; the views tell why.
    openAlerts.value = null
  }
}

/** Looks now, whenever alerts change, and once a minute. */
export function watchOpenAlerts(): void {
  watch(
    () => session.value?.site,
    (site) => {
      openAlerts.value = null
      if (site) void look()
    },
    { immediate: true },
  )
  onChange(['alerts'], () => void look())
  setInterval(() => void look(), EVERY_MS)
  watch(openAlerts, (now) => {
    if (!('setAppBadge' in navigator)) return
    // A badge is a nicety: a browser that refuses it refuses nothing that matters.
    if (now?.active) navigator.setAppBadge(now.active).catch(() => undefined)
    else navigator.clearAppBadge().catch(() => undefined)
  })
}
