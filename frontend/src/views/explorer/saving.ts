/** Puts a panel on a dashboard: one that is there, or a new one. */
import { t } from '../../i18n'
import { compact, freePlace } from '../../panels/layout'
import { MOST_PANELS, type Panel } from '../../panels/body'
import { createDashboard, readDashboard, saveDashboard, type Dashboard } from '../../panels/store'

/** So often it is tried anew when somebody else saves in between. */
const TRIES = 3

export async function addPanel(panel: Panel, where: { dashboard: string } | { title: string }): Promise<Dashboard> {
  if ('title' in where) return createDashboard({ title: where.title, panels: [{ ...panel, x: 0, y: 0 }] })
  let by = ''
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = await readDashboard(where.dashboard)
    const { panels } = before.body
    if (panels.length >= MOST_PANELS) throw new Error(t('board.full', { most: MOST_PANELS }))
    const next = compact([...panels, { ...panel, ...freePlace(panels, panel) }])
    const answer = await saveDashboard({ title: before.title, panels: next }, { dashboard: before.dashboard, version: before.version })
    if (answer.saved) return answer.dashboard
    by = answer.by
  }
  throw new Error(t('board.changedMeanwhile', { by }))
}
