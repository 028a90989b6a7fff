/** Each metric of the catalogue, for the palette. */
import { metricTitle, useCatalogue } from '../../catalogue'
import type { Command } from '../../commands'
import { t } from '../../i18n'
import { domainName } from '../../panels/find'
import { router } from '../../router'

export default async function commands(): Promise<Command[]> {
  const catalogue = useCatalogue()
  await catalogue.load()
  return catalogue.entries.value.map(({ metric, domain }) => ({
    id: `metric.${metric}`,
    title: metricTitle(metric),
    hint: t('explorer.command', { domain: domainName(domain) }),
    icon: 'chart',
    keywords: `${metric} ${metric.replaceAll('_', ' ')}`,
    run: async () => void (await router.push({ name: 'explorer', query: { m: metric } })),
  }))
}
