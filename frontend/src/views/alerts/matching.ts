/** Which alerts a silence would hold, by the rules of the server: "x", "!x", "~expression", "!~expression". */
import type { Alert, Labels } from '../../api/alerts'

function fits(wanted: string, value: string): boolean {
  const negated = wanted.startsWith('!')
  const text = negated ? wanted.slice(1) : wanted
  if (!text.startsWith('~')) return (text === value) !== negated
  try {
    return new RegExp(`^(?:${text.slice(1)})$`).test(value) !== negated
  } catch {
    // Half an expression, while it is typed, fits nothing yet; the server says what is wrong with a whole one.
    return false
  }
}

export function labelsOf(alert: Pick<Alert, 'labels' | 'rule' | 'severity' | 'area' | 'site'>): Labels {
  const { rule, severity, area, site } = alert
  return { ...alert.labels, rule, severity, area, site }
}

export function holds(matchers: Labels, alert: Pick<Alert, 'labels' | 'rule' | 'severity' | 'area' | 'site'>): boolean {
  const labels = labelsOf(alert)
  return Object.entries(matchers).every(([name, wanted]) => fits(wanted, labels[name] ?? ''))
}

/** How many of the open alerts a silence of this site would hold; null while these are not known. */
export function holding(matchers: Labels, open: Alert[] | null): number | null {
  return open && open.filter((one) => one.site !== '' && holds(matchers, one)).length
}

/** What holds back these alerts and their likes: one alone by its labels too, several by their rules. */
export function matchersFor(alerts: Pick<Alert, 'rule' | 'labels'>[], exactly: boolean): Labels {
  const rules = [...new Set(alerts.map((one) => one.rule))]
  const [only] = alerts
  if (alerts.length === 1 && only && exactly) return { rule: only.rule, ...only.labels }
  return { rule: rules.length === 1 ? (rules[0] ?? '') : `~${rules.join('|')}` }
}

/** Eight in the morning of the next day that is not today, in the reader's own zone. */
export function tomorrowMorning(nowMs: number): Date {
  const morning = new Date(nowMs)
  morning.setDate(morning.getDate() + 1)
  morning.setHours(8, 0, 0, 0)
  return morning
}

export const SPANS = ['2h', '8h', 'morning', 'week'] as const
export type Span = (typeof SPANS)[number]

/** The arguments of baken.add_silence that say until when. */
export function untilOf(span: Span, nowMs: number): { hours: number } | { ends: string } {
  if (span === 'morning') return { ends: tomorrowMorning(nowMs).toISOString() }
  return { hours: { '2h': 2, '8h': 8, week: 168 }[span] }
}
