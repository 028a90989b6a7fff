/** What a panel is called when nobody named it. */
import { metricTitle } from '../catalogue'
import { t } from '../i18n'
import { metricsOf, type Panel } from './body'

export function panelTitle(panel: Panel): string {
  if (panel.title) return panel.title
  const names = [...new Set(metricsOf(panel).map((one) => one.title || metricTitle(one.metric)))]
  if (names.length > 2) return t('panel.namesAndMore', { names: names.slice(0, 2).join(', '), n: names.length - 2 })
  if (names.length) return names.join(', ')
  return panel.kind === 'text' ? '' : t(`kind.${panel.kind}`)
}
