/** `measured_at` and `absent` are one value for a part with one source, or one per group: the first that is there. */
import type { ErrorPattern, Moments, Reasons } from '../../api/types'

export function momentOf(measured: string | null | Moments | undefined): string | null {
  if (typeof measured === 'string') return measured
  return Object.values(measured ?? {}).find((moment) => moment !== null) ?? null
}

export function reasonOf(absent: Reasons | string | null | undefined): string | null {
  if (typeof absent === 'string') return absent || null
  return Object.values(absent ?? {})[0] ?? null
}

/** "frappe.exceptions.ValidationError" as people say it: without the module it stands in. */
export function shortException(name: string | null): string {
  return name?.split('.').pop() ?? ''
}

const LONGEST = 44

/** A pattern in a few words; where several share an exception, the text tells them apart. */
export function patternName(patterns: ErrorPattern[], i: number): string {
  const pattern = patterns[i]
  if (!pattern) return ''
  const exception = shortException(pattern.exception)
  const shared = patterns.some((other) => other !== pattern && shortException(other.exception) === exception)
  const name = !exception ? pattern.template : shared ? `${exception}: ${pattern.template}` : exception
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name
}
