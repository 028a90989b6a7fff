/** Metrics side by side, where each has a figure of the same things: how many, and how much, of each status. */
import { metricTitle } from '../catalogue'
import { t } from '../i18n'
import { labelName } from '../labels'
import type { Shown } from './body'
import { amountOf, formatNow, labelsText, type MetricNow } from './now'

export interface Matrix {
  /** What tells the rows apart. */
  label: string
  columns: string[]
  rows: { key: string; name: string; values: string[] }[]
}

/** More columns than these are too narrow to read in a panel. */
const MOST_COLUMNS = 3

/** The metrics as columns of one table; null where they do not have the same rows, or there is nothing to set side by side. */
export function matrixOf(metrics: readonly Shown[], figures: readonly MetricNow[]): Matrix | null {
  if (metrics.length < 2 || metrics.length > MOST_COLUMNS) return null
  const columns = metrics.map((one) => {
    const now = figures.find((each) => each.metric === one.metric)
    const texts = new Map(now ? amountOf(now, one).each.map((value) => [JSON.stringify(value.labels), formatNow(now, value.value)]) : [])
    return { title: one.title || metricTitle(one.metric), texts }
  })
  const keys = [...(columns[0]?.texts.keys() ?? [])]
  if (keys.length < 2 || columns.some(({ texts }) => texts.size !== keys.length || keys.some((key) => !texts.has(key)))) return null
  const labels = keys.map((key) => JSON.parse(key) as Record<string, string>)
  const names = Object.keys(labels[0] ?? {})
  return {
    label: names.length === 1 && names[0] ? labelName(names[0]) : t('panel.metric'),
    columns: columns.map(({ title }) => title),
    rows: keys.map((key, i) => ({ key, name: labelsText(labels[i] ?? {}), values: columns.map(({ texts }) => texts.get(key) ?? '') })),
  }
}
