/** What Baken measures: names, units and what they mean, in the reader's language. Asked once, when first needed. */
import { computed, ref, shallowRef, type ComputedRef, type Ref } from 'vue'
import { read } from './api/client'
import { language, word } from './i18n'
import { explain } from './part'

export interface CatalogueEntry {
  metric: string
  domain: string
  unit: string
  title?: string
  help: string
  texts?: Partial<Record<'en' | 'nl', { title?: string; help?: string }>>
  labels: string[]
  every: number
  /** Where more is welcome "up", where less is "down". */
  good: string | null
  kind: string
  scope: string
}

const entries = shallowRef<ReadonlyMap<string, CatalogueEntry>>(new Map())
const failure = ref<string | null>(null)
const ready = ref(false)
let asked: Promise<void> | null = null

async function fetchCatalogue(): Promise<void> {
  try {
    const found = await read<CatalogueEntry[]>('baken.get_metric_catalogue')
    entries.value = new Map(found.map((entry) => [entry.metric, entry]))
    failure.value = null
    ready.value = true
  } catch (error) {
    // Names stand in for titles meanwhile; the next view that needs the catalogue asks again.
    asked = null
    failure.value = explain(error)
  }
}

export interface Catalogue {
  entries: ComputedRef<CatalogueEntry[]>
  /** It has been answered. */
  ready: Readonly<Ref<boolean>>
  /** Why it is not there; null while it is, or is on its way. */
  error: Readonly<Ref<string | null>>
  load: () => Promise<void>
}

/** The catalogue; asks for it unless somebody has. */
export function useCatalogue(): Catalogue {
  const load = () => (asked ??= fetchCatalogue())
  void load()
  return { entries: computed(() => [...entries.value.values()]), ready, error: failure, load }
}

/** As after another server may have answered: the next view asks anew. */
export function forgetCatalogue(): void {
  asked = null
  entries.value = new Map()
  ready.value = false
  failure.value = null
}

export const metricEntry = (name: string): CatalogueEntry | undefined => entries.value.get(name)

/** Its title in the reader's language; without one the name as words. */
export function metricTitle(name: string): string {
  const entry = entries.value.get(name)
  return entry?.texts?.[language.value]?.title || entry?.title || word(name)
}

/** What it means; empty where nobody says. */
export function metricHelp(name: string): string {
  const entry = entries.value.get(name)
  return entry?.texts?.[language.value]?.help || entry?.help || ''
}

export const metricUnit = (name: string): string => entries.value.get(name)?.unit ?? ''
export const metricGood = (name: string): string | null => entries.value.get(name)?.good ?? null
/** Whether it only grows, so that how fast it does is what is shown. */
export const metricCounts = (name: string): boolean => entries.value.get(name)?.kind === 'counter'
