/**
 * Why something is absent, refused or broken comes from the server in English. Here it is said in the reader's language.
 *
 * ./locales/reasons.nl.json has the server's sentences with {a} for each value, and the Dutch ones. Of several that fit,
 * the one with the most fixed text counts. A value may be a sentence of its own ("x cannot be judged: y"), and so may each
 * part of a list. What fits nothing stays as it is. tests/test_reasons.py compares the table with the server's code.
 */
import { shallowRef } from 'vue'
import { formatDateTime } from './format'
import { language } from './i18n'

interface Template {
  /** The fixed texts between the values; the first and the last may be empty. */
  fixed: string[]
  names: string[]
  said: string
  weight: number
}

interface Table {
  whole: Map<string, string>
  templates: Template[]
  known: Map<string, string>
}

const PLACE = /\{(\w+)\}/g
/** Not what somebody wrote, nor an example of how to write it. */
const MOMENT = /(?<!['"“]|such as |zoals |zone: )\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)/g
/** Longer texts are no sentences of the server. */
const LONGEST = 2000
const REMEMBERED = 500
/** A sentence within a sentence is told apart to this depth. */
const DEEPEST = 4

const table = shallowRef<Table | null>(null)

function compiled(pairs: Record<string, string>): Table {
  const whole = new Map<string, string>()
  const templates: Template[] = []
  for (const [text, said] of Object.entries(pairs)) {
    const fixed = text.split(/\{\w+\}/)
    if (fixed.length === 1) whole.set(text, said)
    else {
      const names = [...text.matchAll(PLACE)].map((found) => found[1] ?? '')
      templates.push({ fixed, names, said, weight: fixed.reduce((sum, part) => sum + part.length, 0) })
    }
  }
  templates.sort((a, b) => b.weight - a.weight)
  return { whole, templates, known: new Map() }
}

/** Loads the Dutch sentences; `setLanguage` waits for it, so that a Dutch page never begins in English. */
export async function loadReasons(): Promise<void> {
  table.value ??= compiled((await import('./locales/reasons.nl.json')).default)
}

/** Where a value ends that another follows at once: that one is a hint ("; did you mean x?"), a place (" (x)"), or nothing. */
function border(text: string, from: number, following: string, end: number): number {
  const next = following ? text.indexOf(following, from) : end
  if (next < 0) return next
  const hint = text.slice(from, next).search(/; | \(/)
  return hint < 0 ? next : from + hint
}

/** The values that a text has where the template has places; null when it does not fit. */
function values(text: string, { fixed }: Template): string[] | null {
  const first = fixed[0] ?? ''
  const last = fixed.at(-1) ?? ''
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return null
  const found: string[] = []
  const end = text.length - last.length
  let at = first.length
  for (const [i, part] of fixed.entries()) {
    if (i === 0 || i === fixed.length - 1) continue
    const next = part ? text.indexOf(part, at) : border(text, at, fixed[i + 1] ?? '', end)
    if (next < 0 || next + part.length > end) return null
    found.push(text.slice(at, next))
    at = next + part.length
  }
  found.push(text.slice(at, end))
  return found
}

function filled(template: Template, found: string[], from: Table, depth: number): string {
  const told = new Map(template.names.map((name, i) => [name, inner(found[i] ?? '', from, depth)]))
  return template.said.replace(PLACE, (whole, name: string) => told.get(name) ?? whole)
}

/** A value: a sentence of its own, a number with a point, or whatever it is. */
function inner(text: string, from: Table, depth: number): string {
  if (/^-?\d+\.\d+$/.test(text)) return text.replace('.', ',')
  return (depth < DEEPEST && sentence(text, from, depth + 1)) || text
}

function sentence(text: string, from: Table, depth: number): string | null {
  return one(text, from, depth) ?? parts(text, from, depth)
}

/** A text that is one sentence of the table. */
function one(text: string, from: Table, depth: number): string | null {
  const whole = from.whole.get(text)
  if (whole !== undefined) return whole
  for (const template of from.templates) {
    const found = values(text, template)
    if (found) return filled(template, found, from, depth)
  }
  return null
}

/** A sentence that follows another text after a colon, and sentences in a row. */
function parts(text: string, from: Table, depth: number): string | null {
  if (depth >= DEEPEST) return null
  for (let at = text.indexOf(': '); at >= 0; at = text.indexOf(': ', at + 2)) {
    const said = one(text.slice(at + 2), from, depth + 1)
    if (said !== null) return `${text.slice(0, at + 2)}${said}`
  }
  const row = text.split('; ')
  if (row.length === 1) return null
  const said = row.map((part) => sentence(part, from, depth + 1))
  return said.some((part) => part !== null) ? said.map((part, i) => part ?? row[i]).join('; ') : null
}

function moments(text: string): string {
  return text.replace(MOMENT, (written) => {
    const at = Date.parse(written)
    return Number.isNaN(at) ? written : formatDateTime(at)
  })
}

/** What the server says, in the reader's language; moments as the reader writes them. */
export function reason(text: string): string
export function reason(text: string | null | undefined): string | null
export function reason(text: string | null | undefined): string | null {
  if (!text) return text ?? null
  const from = language.value === 'nl' ? table.value : null
  if (!from || text.length > LONGEST) return moments(text)
  let said = from.known.get(text)
  if (said === undefined) {
    said = capitalised(text, from) ?? text
    if (from.known.size >= REMEMBERED) from.known.clear()
    from.known.set(text, said)
  }
  return moments(said)
}

/** A sentence of the server may begin a line, with a capital, and end it, with a full stop. */
function capitalised(text: string, from: Table): string | null {
  const said = sentence(text, from, 0)
  if (said !== null) return said
  const small = text.charAt(0).toLowerCase() + text.slice(1)
  const bare = small.endsWith('.') ? small.slice(0, -1) : small
  const found = bare === text ? null : (sentence(bare, from, 0) ?? (bare === small ? null : sentence(small, from, 0)))
  if (found === null) return null
  const begun = small === text ? found : found.charAt(0).toUpperCase() + found.slice(1)
  return bare === small ? begun : `${begun}.`
}
