/** What the analysis says, in the reader's language; a sentence that this page does not know is shown as it came. */
import type { Said } from '../../api/types'
import { formatCount, formatDateTime, formatRatio, parseTime } from '../../format'
import { locale, t, type MessageKey } from '../../i18n'

const RATIOS = ['share', 'first_share', 'growth']
const MOMENTS = ['latest', 'last_seen']

function written(name: string, value: unknown): string {
  if (typeof value === 'number') {
    if (name === 'p') return new Intl.NumberFormat(locale(), { maximumSignificantDigits: 2 }).format(value)
    return RATIOS.includes(name) ? formatRatio(Math.abs(value)) : formatCount(value)
  }
  if (typeof value !== 'string') return ''
  const at = MOMENTS.includes(name) ? parseTime(value) : null
  return at === null ? value : formatDateTime(at)
}

export function sentenceOf(said: Said): string {
  if (!said.key) return said.text
  const values = Object.entries(said.values ?? {}).map(([name, value]) => [name, written(name, value)] as const)
  const key = `said.${said.key}`
  const text = t(key as MessageKey, Object.fromEntries(values))
  // A value that the server leaves out would stand there as {name}; its own sentence then says more.
  return text === key || /\{\w+\}/.test(text) ? said.text : text
}
