/** When a rule fires, as people would say it: "more than 10 errors in 1 hour". What has no such words is told as the rule writes it. */
import { metricTitle } from '../../catalogue'
import { formatAmount, formatFigure, formatRatio, unitNoun } from '../../format'
import { locale, t, word, type MessageKey } from '../../i18n'
import { labelName, labelValue, windowText } from '../../labels'
import { spanText } from '../alerts/words'
import type { Limit, RuleSetting } from './answers'

type How = Limit['how']

function known(key: string): string {
  const text = t(key as MessageKey)
  return text === key ? '' : text
}

const anyOf = (parts: string[]) => new Intl.ListFormat(locale(), { type: 'disjunction' }).format(parts)

/** "more than 10 errors"; of what is counted, more than none is one, and less than one is none. */
export function limitText(how: How, figure: number, unit: string): string {
  const noun = unitNoun(unit, figure)
  if (noun && how === 'above' && figure === 0) return t('settingsSays.at_least', { figure: formatAmount(1, unit) })
  if (noun && how === 'below' && figure === 1) return t('setup.noneOf', { noun: unitNoun(unit) })
  return t(`settingsSays.${how}`, { figure: unit === 'percent' ? formatRatio(figure / 100) : formatAmount(figure, unit) })
}

/** Of which label sets: "queue default, short or long". A span of time is told with the figure. */
function whichText(match: RuleSetting['match']): string {
  return Object.entries(match)
    .filter(([name]) => name !== 'window')
    .map(([name, wanted]) => {
      const bare = wanted.replace(/^!?~?/, '')
      const values = anyOf(bare.split('|').map((value) => (name === 'severity' ? word(value).toLowerCase() : labelValue(name, value))))
      const text = wanted.startsWith('!') ? t('silence.allBut', { what: values }) : values
      return `${name === 'severity' ? t('patterns.severity').toLowerCase() : labelName(name)} ${text}`
    })
    .join(', ')
}

function withinText(rule: RuleSetting): string {
  const window = rule.match['window'] ?? (rule.kind === 'change' ? /\bover (\d+[smhd])\b/.exec(rule.words)?.[1] : undefined)
  if (!window) return ''
  return /^\d/.test(window) ? ` ${t('setup.within', { span: spanText(window) })}` : ` (${windowText(window)})`
}

function limited(rule: RuleSetting, limit: Limit): string {
  const { unit } = rule
  // A rule over all sites counts them; what is asked of each stands in its words alone: "frappe_site_up < 1".
  const metric = rule.metric ?? /^(\w+)(?:{.*})? [<>≤≥] /.exec(rule.words)?.[1]
  const title = metric ? metricTitle(metric) : ''
  if (unit === 'bool' || unit === 'sites') return `${title}: ${formatFigure(limit.how === 'above' || limit.how === 'at_least' ? 1 : 0, 'bool')}`.replace(/^: /, '')
  const parts = [`${limitText(limit.how, limit.figure, unit)}${unit === 'percent' ? ` ${t('setup.compared')}` : withinText(rule)}`]
  if (limit.night !== null) parts.push(t('setup.byNight', { limit: limitText(limit.how, limit.night, unit) }))
  // What is counted tells what it is about; a share or a length does not. A share of a sum has no title of its own.
  const named = !unitNoun(unit) && title && rule.kind !== 'ratio'
  return `${named ? `${title}: ` : ''}${parts.join(', ')}`
}

function unlimited(rule: RuleSetting): string {
  const { kind, words } = rule
  if (kind === 'pattern') return known(`settingsPattern.${/^(\w+) pattern/.exec(words)?.[1] ?? ''}`)
  if (kind === 'finding') return known(`settingsFinding.${/^(\w+) found/.exec(words)?.[1] ?? ''}`)
  if (kind === 'ping') return known(`settingsPing.${/^(\w+) ping/.exec(words)?.[1] ?? ''}`)
  if (kind === 'absence') {
    const span = spanText(/ for (\w+)$/.exec(words)?.[1])
    return span && rule.metric ? t('setup.noFigure', { metric: metricTitle(rule.metric), span }) : ''
  }
  const goal = kind === 'budget' ? /what ([\d.]+) % leaves/.exec(words)?.[1] : undefined
  return goal ? t('setup.budget', { metric: metricTitle(rule.metric ?? ''), goal: formatRatio(Number(goal) / 100) }) : ''
}

export function conditionOf(rule: RuleSetting): string {
  const what = rule.limit ? limited(rule, rule.limit) : unlimited(rule)
  if (!what) return rule.words
  const hold = spanText(rule.for)
  return [what, whichText(rule.match), hold && t('rules.for', { span: hold })].filter(Boolean).join(', ')
}
