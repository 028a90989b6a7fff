/** Texts in Dutch and English. Message files live in ./locales and in each view's folder; a test compares them with the code. */
import { shallowRef, ref } from 'vue'
import type en from './locales/en.json'
import { languagePreference, rememberLanguage } from './preferences'
import { loadReasons } from './reasons'

/** A key of the shared messages, or one of a view's own: those are known when the page is built, and a test looks. */
export type MessageKey = keyof typeof en | (string & {})
export type Language = 'en' | 'nl'
export const LANGUAGES: readonly Language[] = ['en', 'nl']
const LOCALES: Record<Language, string> = { en: 'en-GB', nl: 'nl-NL' }

const messages = shallowRef<Record<string, string>>({})
export const language = ref<Language>('en')

export function locale(): string {
  return LOCALES[language.value]
}

function fill(text: string, params: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole))
}

/** The text of a key in the chosen language, with `{name}` replaced. */
export function t(key: MessageKey, params: Record<string, string | number> = {}): string {
  return fill(messages.value[key] ?? key, params)
}

/** Like `t`, for texts written as "one | other"; `{n}` is the formatted number. */
export function tn(key: MessageKey, n: number, params: Record<string, string | number> = {}): string {
  const [one = '', other = one] = (messages.value[key] ?? key).split(' | ')
  const form = new Intl.PluralRules(locale()).select(n) === 'one' ? one : other
  return fill(form, { n: new Intl.NumberFormat(locale()).format(n), ...params })
}

/** A value that came from the site (a status, a process), translated when its word is known. */
export function word(value: string): string {
  const slug = value.trim().toLowerCase().replace(/[^a-z0-9]+/g, '_')
  return messages.value[`word.${slug}`] ?? readable(value)
}

/** A code such as HIGH_ERROR_RATE or generate_batch as words; anything else as it is. */
function readable(value: string): string {
  if (!/^(?:[A-Z0-9]+(?:_[A-Z0-9]+)+|[a-z0-9]+(?:_[a-z0-9]+)+)$/.test(value)) return value
  const words = value.toLowerCase().replaceAll('_', ' ').replace(/\b(sepa|api|iban|xml|sql)\b/g, (name) => name.toUpperCase())
  return words.charAt(0).toUpperCase() + words.slice(1)
}

let wanted: Language = 'en'
let latest: Promise<void> = Promise.resolve()

/** Turns to a language. Of two that are asked for while their texts are on the way the later one holds, whichever comes first. */
export function setLanguage(chosen: Language): Promise<void> {
  wanted = chosen
  latest = turnTo(chosen)
  return latest
}

async function turnTo(chosen: Language): Promise<void> {
  const [loaded] = await (chosen === 'nl'
    ? Promise.all([import('virtual:messages/nl'), loadReasons()])
    : Promise.all([import('virtual:messages/en')]))
  // Who waits for texts waits for those that hold; where these do not come, the ones that are here are better than none.
  if (wanted !== chosen && (await latest.then(() => true, () => false))) return
  wanted = chosen
  messages.value = loaded.default
  language.value = chosen
  document.documentElement.lang = chosen
}

/** A choice by the user: kept for the next visit. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  rememberLanguage(chosen)
  await setLanguage(chosen)
}

function isLanguage(value: string | null | undefined): value is Language {
  return value === 'en' || value === 'nl'
}

/** The language to begin with: chosen before, else of the browser, else English. */
export function firstLanguage(): Language {
  const chosen = languagePreference()
  if (isLanguage(chosen)) return chosen
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
  return wanted.find(isLanguage) ?? 'en'
}

/** The user's language on the site, taken when nothing was chosen in this browser. */
export async function followAccount(siteLanguage: string | null | undefined): Promise<void> {
  const short = siteLanguage?.slice(0, 2).toLowerCase()
  if (!languagePreference() && isLanguage(short) && short !== wanted) await setLanguage(short)
}
