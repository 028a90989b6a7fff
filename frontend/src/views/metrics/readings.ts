/** The answer of baken.get_metrics as rows: one per metric and label set, one for a metric without a figure. */
import type { MetricReading } from '../../api/types'

interface RawValue {
  labels?: Record<string, string>
  value: number | null
  at?: string | null
}

interface RawMetric {
  metric?: string
  name?: string
  domain?: string
  unit?: string
  help?: string
  labels?: Record<string, string>
  value?: number | null
  at?: string | null
  values?: RawValue[]
  series?: RawValue[]
  samples?: RawValue[]
  absent?: string | { reason?: string } | null
  absence?: string | { reason?: string } | null
}

function reasonOf(raw: RawMetric): string | null {
  const absent = raw.absent ?? raw.absence ?? null
  return typeof absent === 'object' ? (absent?.reason ?? null) : absent
}

export function readingsOf(answer: unknown): MetricReading[] {
  const list = (Array.isArray(answer) ? answer : ((answer as { metrics?: RawMetric[] } | null)?.metrics ?? [])) as RawMetric[]
  return list.flatMap((raw) => {
    const metric = raw.metric ?? raw.name ?? ''
    const about = {
      metric,
      domain: raw.domain ?? metric.split('_')[0] ?? '',
      unit: raw.unit ?? '',
      help: raw.help ?? '',
      absent: reasonOf(raw),
    }
    const values = raw.values ?? raw.series ?? raw.samples
    if (values?.length) {
      return values.map((one) => ({ ...about, labels: one.labels ?? {}, value: one.value, at: one.at ?? null }))
    }
    const labels = Array.isArray(raw.labels) ? {} : (raw.labels ?? {})
    return [{ ...about, labels, value: raw.value ?? null, at: raw.at ?? null }]
  })
}
