/** Codes of the server as words, and facts about a pattern as sentences. */
import type { Pattern, PatternsAnswer, Reasons, Release, Trend } from '../../api/types'
import { formatCount, formatRatio } from '../../format'
import { locale, t, tn, word, type MessageKey } from '../../i18n'
import { reason } from '../../reasons'

/** A text whose key is put together from a code; a code that has no text is shown as words. */
function coded(key: string, code: string): string {
  const text = t(key as MessageKey)
  return text === key ? word(code) : text
}

export const categoryName = (code: string) => coded(`category.${code}`, code)
export const componentName = (code: string) => coded(`component.${code}`, code)
export const groupName = (code: string) => coded(`group.${code}`, code)
export const stateName = (code: string) => coded(`patternState.${code}`, code)
export const statusName = (code: string) => coded(`patternStatus.${code}`, code)
export const sourceName = (code: string) => coded(`source.${code.toLowerCase().replaceAll(/[ .]/g, '_')}`, code)
export const leakName = (leak: { kind: string; label?: string | null }) => {
  const text = t(`leak.${leak.kind}` as MessageKey)
  return text === `leak.${leak.kind}` ? (leak.label ?? word(leak.kind)) : text
}

/** What to do: the server's words, or the gist where it has none. */
export function adviceOf(given: string | null | undefined, gist: string): string {
  return given ? reason(given) : gist
}

export const actionName = (code: string) => coded(`action.${code}`, code)

/** "frappe.exceptions.ValidationError" as people say it: without the module it stands in; '' when there is none. */
export function exceptionOf(pattern: Pick<Pattern, 'exception'>): string {
  return pattern.exception?.split('.').pop() ?? ''
}

/** A pattern in plain words, for those who hear it and for the window's title. */
export function nameOf(pattern: Pick<Pattern, 'exception' | 'template'>): string {
  return [exceptionOf(pattern), pattern.template].filter(Boolean).join(': ') || t('patterns.noException')
}

/** What kind of error, and through which part of the system it came; what has one name is named once. */
export function kindsOf(pattern: Pick<Pattern, 'category' | 'component'>): string[] {
  const { category, component } = pattern
  return [...new Set([category && categoryName(category), component && componentName(component)])].filter((name): name is string => Boolean(name))
}

/** Where it happens, from the app to the method; what is not known is left out, and nothing is said twice. */
export function placeOf(pattern: Pick<Pattern, 'area' | 'place'>): string {
  const { app, module, doctype, method } = pattern.place ?? {}
  const inner = doctype || method || module
  const known = [app && inner?.startsWith(`${app}.`) ? null : app, inner].filter((part): part is string => Boolean(part))
  if (known.length > 1) return known.join(' › ')
  if (inner && known.length) return inner
  return pattern.area && pattern.area !== 'unknown' ? pattern.area : (known[0] ?? t('patterns.noPlace'))
}

export function isRising(trend: Trend | null): boolean {
  return trend?.direction === 'up'
}

function perDay(value: number): string {
  const digits = Math.abs(value) >= 10 ? 0 : Math.abs(value) >= 1 ? 1 : 2
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(Math.abs(value))
}

function chance(p: number): string {
  const written = new Intl.NumberFormat(locale(), { maximumSignificantDigits: 2 })
  return p < 0.001 ? `p < ${written.format(0.001)}` : `p = ${written.format(p)}`
}

/** "rises by 12 a day (p = 0.01)"; without significance it says that there is none, and why. */
export function trendText(trend: Trend | null): string {
  if (!trend || trend.direction === 'unknown') {
    return trend?.reason ? t('trend.unknownBecause', { reason: reason(trend.reason) }) : t('trend.unknown')
  }
  if (trend.direction === 'flat') return t('trend.flat')
  const up = trend.direction === 'up'
  const text =
    trend.per_day === null
      ? t(up ? 'trend.upPlain' : 'trend.downPlain')
      : t(up ? 'trend.up' : 'trend.down', { n: perDay(trend.per_day) })
  return trend.p === null ? text : `${text} (${chance(trend.p)})`
}

/** From so many times as before on, the multiple is read more easily than a percentage. */
const MULTIPLE = 3

/** "+40% against the period before", of a growth of 0.4; null when there is nothing to compare with. */
export function changeText(growth: number | null): string | null {
  if (growth === null) return null
  if (growth + 1 >= MULTIPLE) return t('change.times', { n: formatCount(Math.round((growth + 1) * 10) / 10) })
  if (Math.abs(growth) < 0.005) return t('change.none')
  return t('change.share', { change: `${growth > 0 ? '+' : '−'}${formatRatio(Math.abs(growth))}` })
}

export function rangeName(hours: number): string {
  return hours < 48 ? tn('patterns.hours', hours) : tn('patterns.days', Math.round(hours / 24))
}

/** Why something is absent, in the reader's language. */
export function reasonOf(absent: Reasons | string | null | undefined): string | null {
  const text = typeof absent === 'string' ? absent : (Object.values(absent ?? {})[0] ?? '')
  return reason(text) || null
}

/** The releases of the last look at which any app changed; apps are upgraded together. */
function lastRelease(releases: Release[]): string {
  const latest = releases.reduce((last, one) => (one.at > last ? one.at : last), '')
  return releases
    .filter((one) => one.at === latest && one.version)
    .map((one) => `${one.app} ${one.version}`)
    .join(', ')
}

/** The whole page in one sentence: of all patterns, however much the list is narrowed. */
export function summary(answer: PatternsAnswer, hours: number): string {
  const total = answer.total ?? 0
  const span = rangeName(hours)
  if (total === 0) return t('patterns.sumNone', { span })
  const { new: fresh, regressed: back, new_since_release: released } = answer.news
  const release = lastRelease(answer.news.release) || t('patterns.lastRelease')
  const main = `${tn('patterns.sum', total, { span })} ${tn('patterns.sumPatterns', answer.patterns_total)}`
  const since = Math.min(fresh, released)
  const told = !since
    ? tn('patterns.sumNew', fresh)
    : since === fresh
      ? tn('patterns.sumNewSince', fresh, { release })
      : `${tn('patterns.sumNew', fresh)} (${tn('patterns.sumRelease', since, { release })})`
  const news = [fresh ? told : '', back ? tn('patterns.sumBack', back) : ''].filter(Boolean)
  return `${main}${news.length ? `; ${news.join(', ')}` : ''}.`
}
