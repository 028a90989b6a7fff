/** Finding metrics by what they are called and what they mean. */
import { language, t, word } from '../i18n'
import type { MessageKey } from '../i18n'
import type { MetricNow } from './now'

type Texts = Partial<Record<string, { title?: string; help?: string }>>
type Told = Pick<MetricNow, 'metric' | 'help' | 'title'> & { texts?: Texts }

export const DOMAINS = ['association', 'sepa', 'erpnext', 'frappe', 'database', 'host', 'monitor']

export const titleOf = (now: Told): string => now.texts?.[language.value]?.title ?? now.title ?? word(now.metric)
export const helpOf = (now: Told): string => now.texts?.[language.value]?.help ?? now.help

export function domainName(domain: string): string {
  const key = `domain.${domain}`
  const text = t(key as MessageKey)
  return text === key ? word(domain) : text
}

const plain = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** How well a metric fits; 0: not. Every word has to be found: in the title best, then in the name, then in the meaning. */
export function fits(now: Told & { values?: { labels: Record<string, string> }[] }, typed: string): number {
  const words = plain(typed).split(/\s+/).filter(Boolean)
  if (!words.length) return 1
  const title = plain(titleOf(now))
  const name = plain(now.metric)
  const rest = plain(`${helpOf(now)} ${(now.values ?? []).flatMap((value) => Object.values(value.labels)).join(' ')}`)
  let score = 0
  for (const part of words) {
    if (title.startsWith(part)) score += 8
    else if (title.includes(` ${part}`)) score += 6
    else if (title.includes(part)) score += 4
    else if (name.includes(part)) score += 3
    else if (rest.includes(part)) score += 1
    else return 0
  }
  return score
}

export interface Group {
  key: string
  title: string
  metrics: MetricNow[]
}

/** Metrics by domain as people know them, each domain in the order of the catalogue; with a search the best first. */
export function grouped(all: readonly MetricNow[], typed: string, leading: { key: string; title: string; names: readonly string[] }[] = []): Group[] {
  if (typed.trim()) {
    const scored = all.map((metric) => ({ metric, score: fits(metric, typed) })).filter(({ score }) => score > 0)
    const metrics = scored.sort((a, b) => b.score - a.score).map(({ metric }) => metric)
    return metrics.length ? [{ key: 'found', title: '', metrics }] : []
  }
  const first = leading.map(({ key, title, names }) => ({
    key,
    title,
    metrics: names.flatMap((name) => all.find((metric) => metric.metric === name) ?? []),
  }))
  const rank = (domain: string) => (DOMAINS.includes(domain) ? DOMAINS.indexOf(domain) : DOMAINS.length)
  const domains = [...new Set(all.map((metric) => metric.domain))].sort((a, b) => rank(a) - rank(b))
  const rest = domains.map((domain) => ({ key: domain, title: domainName(domain), metrics: all.filter((metric) => metric.domain === domain) }))
  return [...first, ...rest].filter((group) => group.metrics.length)
}
