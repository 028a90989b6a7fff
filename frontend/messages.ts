/** The message files as one module per language: those of src/locales, and those in each view's own folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

const PREFIX = 'virtual:messages/'

/** Paths of the message files of a language, the shared one first. */
export function messageFiles(source: string, language: string): string[] {
  const views = readdirSync(join(source, 'views')).map((view) => join(source, 'views', view, `${language}.json`))
  return [join(source, 'locales', `${language}.json`), ...views.filter((path) => existsSync(path)).sort()]
}

/** Every message of a language. Raises for a key that stands in two files. */
export function messagesOf(source: string, language: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const path of messageFiles(source, language)) {
    for (const [key, text] of Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>)) {
      if (key in found) throw new Error(`message ${key} stands in ${path} and in another message file`)
      found[key] = text
    }
  }
  return found
}

/** Serves `virtual:messages/en` and `virtual:messages/nl`. */
export function messages(source: string): Plugin {
  return {
    name: 'messages',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : undefined),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return undefined
      const language = id.slice(PREFIX.length + 1)
      for (const path of messageFiles(source, language)) this.addWatchFile(path)
      return { code: `export default ${JSON.stringify(messagesOf(source, language))}`, map: null }
    },
  }
}
