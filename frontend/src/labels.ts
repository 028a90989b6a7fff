/** What tells the figures of one metric apart, in the reader's words: "queue long", "over 24 h", "In behandeling". */
import { t, word, type MessageKey } from './i18n'

const UNITS: Record<string, string> = { s: 's', m: 'min', d: 'd' }

/** Labels whose values are names that people gave: they are never translated. */
const NAMES = ['queue', 'mount', 'table', 'job', 'channel', 'site', 'host', 'pattern', 'certificate', 'check']

function known(key: string): string | null {
  const text = t(key as MessageKey)
  return text === key ? null : text
}

/** What a label is called: "queue", "status". */
export function labelName(name: string): string {
  // Of a window the text is a whole, with its value in it.
  if (name === 'window') return t('label.span')
  return known(`label.${name}`) ?? name.replaceAll('_', ' ')
}

/** "1h" as people write it; the spans of days that business figures speak of by their names. */
export function windowText(value: string): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(value) ?? []
  return count && unit ? `${count} ${unit === 'h' ? t('unit.hour') : UNITS[unit]}` : (known(`window.${value}`) ?? value)
}

/** A window as a figure is told over it: "over 24 h"; the present day is itself. */
export function overWindow(value: string): string {
  return value === 'day' ? t('window.day') : t('label.window', { value: windowText(value) })
}

/** A label's value in words: a status, a role, a state; names stay as they are. */
export function labelValue(name: string, value: string): string {
  if (NAMES.includes(name)) return value
  if (name === 'window') return windowText(value)
  if (name === 'quantile') return known(`quantile.${value.replace('.', '')}`) ?? value
  return word(value)
}

/** The values of all labels in a row, without what they are values of: "Failed, 24 h". */
export function valuesText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => labelValue(name, value))
    .join(', ')
}

/** All labels in a row: "status Failed, over 24 h". */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => (name === 'window' ? overWindow(value) : `${labelName(name)} ${labelValue(name, value)}`))
    .join(', ')
}
