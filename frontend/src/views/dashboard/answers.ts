/** `measured_at` and `absent` are one value for a part with one source, or one per group: the first that is there. */
import type { Moments, Reasons } from '../../api/types'

export function momentOf(measured: string | null | Moments | undefined): string | null {
  if (typeof measured === 'string') return measured
  return Object.values(measured ?? {}).find((moment) => moment !== null) ?? null
}

export function reasonOf(absent: Reasons | string | null | undefined): string | null {
  if (typeof absent === 'string') return absent || null
  return Object.values(absent ?? {})[0] ?? null
}
