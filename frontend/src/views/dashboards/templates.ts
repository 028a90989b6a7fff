/** Dashboards to begin with, of metrics that Baken has. A test of the server holds them against its catalogue. */
import { t } from '../../i18n'
import { newId, newPanel, type Panel } from '../../panels/body'
import raw from './templates.json'

export interface Template {
  key: string
  title: string
  hint: string
  panels: Panel[]
}

type Raw = Partial<Panel> & Pick<Panel, 'kind'> & { metrics?: { metric: string; labels?: Record<string, string[]> }[] }

export function templates(): Template[] {
  return raw.map(({ key, panels }) => ({
    key,
    title: t(`template.${key}`),
    hint: t(`template.hint.${key}`),
    panels: (panels as Raw[]).map((panel) => {
      const metrics = (panel.metrics ?? []).map((one) => ({ metric: one.metric, labels: one.labels ?? {}, title: '' }))
      return { ...newPanel(panel.kind), ...panel, ...('metrics' in panel ? { metrics } : {}), id: newId() } as Panel
    }),
  }))
}
