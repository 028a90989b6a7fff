/** The span of time that all charts of the page show: chosen in one place, kept in the address, remembered. */
import { computed, ref, type ComputedRef } from 'vue'
import type { LocationQuery } from 'vue-router'
import { rememberRange, storedRange } from './preferences'

const HOUR = 3_600_000

/** The spans to choose from, in hours. */
export const PRESETS = { '1h': 1, '6h': 6, '24h': 24, '7d': 168, '30d': 720, '90d': 2160, '1y': 8760 } as const
export type Preset = keyof typeof PRESETS
export const PRESET_NAMES = Object.keys(PRESETS) as Preset[]

/** A chart of less than this shows single points only. */
const SHORTEST = 5 * 60_000
/** Baken keeps daily figures for seven years. */
const LONGEST = 2557 * 24 * HOUR

export interface Range {
  /** The preset's name; `custom` for a span between two moments. */
  key: Preset | 'custom'
  /** Milliseconds since 1970. */
  readonly start: number
  readonly end: number
  hours: number
  /** It ends now, and moves on with the time. */
  live: boolean
}

type Choice = { key: Preset } | { start: number; end: number }

function isPreset(value: unknown): value is Preset {
  return typeof value === 'string' && Object.hasOwn(PRESETS, value)
}

function first(): Choice {
  const stored = storedRange()
  return { key: isPreset(stored) ? stored : '24h' }
}

const chosen = ref<Choice>(first())
/** Where zooming began, to go back to. */
const before = ref<Choice[]>([])

/** Changes when another span is chosen, not as time goes by: a live one tells its moments when asked. */
export const range: ComputedRef<Range> = computed(() => {
  const choice = chosen.value
  if ('key' in choice) {
    const hours = PRESETS[choice.key]
    return {
      key: choice.key,
      hours,
      live: true,
      get start() {
        return Date.now() - hours * HOUR
      },
      get end() {
        return Date.now()
      },
    }
  }
  return { key: 'custom', hours: (choice.end - choice.start) / HOUR, live: false, ...choice }
})

export const zoomed = computed(() => before.value.length > 0)

export function chooseRange(key: Preset): void {
  before.value = []
  chosen.value = { key }
  rememberRange(key)
}

/** A span between two moments (milliseconds since 1970), brought into what can be shown. */
export function chooseSpan(start: number, end: number): void {
  before.value = []
  chosen.value = bounded(start, end)
}

/** A part of what is shown now; `zoomOut` leads back. */
export function zoomTo(start: number, end: number): void {
  const from = chosen.value
  chosen.value = bounded(start, end)
  before.value = [...before.value, from].slice(-20)
}

export function zoomOut(): void {
  const last = before.value.at(-1)
  if (last) {
    before.value = before.value.slice(0, -1)
    chosen.value = last
    return
  }
  const { start, end } = range.value
  const half = (end - start) / 2
  chosen.value = bounded(start - half, end + half)
}

/** The span before (-1) or after (1) the present one, as long as it. */
export function move(by: -1 | 1): void {
  const { start, end } = range.value
  const span = end - start
  chosen.value = bounded(start + by * span, end + by * span)
}

function bounded(start: number, end: number): Choice {
  const now = Date.now()
  let [low, high] = start <= end ? [start, end] : [end, start]
  const span = Math.min(LONGEST, Math.max(SHORTEST, high - low))
  high = Math.min(high, now)
  low = Math.min(low, high - span)
  low = Math.max(low, high - LONGEST)
  return { start: Math.round(low), end: Math.round(high) }
}

/** The span as arguments of `baken.get_series`. */
export function rangeArgs(): { hours: number } | { start: string; end: string } {
  const { live, hours, start, end } = range.value
  return live ? { hours } : { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
}

/** The span as part of an address. */
export function rangeQuery(): Record<string, string> {
  const { key, start, end } = range.value
  return key === 'custom' ? { from: new Date(start).toISOString(), to: new Date(end).toISOString() } : { range: key }
}

/** Takes over the span of an address, if it has one. */
export function takeQuery(query: LocationQuery): void {
  const { range: named, from, to, hours } = query
  // Links of messages name the hours.
  const key = named ?? PRESET_NAMES.find((one) => String(PRESETS[one]) === hours)
  if (isPreset(key)) {
    if (range.value.key !== key) chosen.value = { key }
    return
  }
  const [start, end] = [Date.parse(String(from)), Date.parse(String(to))]
  if (!Number.isFinite(start) || !Number.isFinite(end)) return
  const next = bounded(start, end) as { start: number; end: number }
  if (range.value.key !== 'custom' || range.value.start !== next.start || range.value.end !== next.end) chosen.value = next
}
