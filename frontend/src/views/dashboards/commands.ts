/** Each dashboard of the site, for the palette. */
import type { Command } from '../../commands'
import { t } from '../../i18n'
import { listDashboards } from '../../panels/store'
import { router } from '../../router'

export default async function commands(): Promise<Command[]> {
  const { dashboards } = await listDashboards()
  return dashboards.map((one) => ({
    id: `dashboard.${one.dashboard}`,
    title: one.title,
    hint: t('dashboards.command'),
    icon: 'grid',
    keywords: `dashboard ${one.owner}`,
    run: async () => void (await router.push({ name: 'board', params: { dashboard: one.dashboard } })),
  }))
}
