/** Builds the service worker beside the page, with the list of files that open it. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin, Rolldown } from 'vite'
import { build } from 'vite'
import { messagesOf } from './messages.ts'

const LANGUAGES = ['en', 'nl']
/** Alphabets that neither texts nor names of the two languages need; a page that shows one fetches it. */
const LATER = /-(?:cyrillic|greek|vietnamese)(?:-ext)?-/
const PUBLIC = ['theme.js', 'favicon.svg', 'icons/icon-192.png', 'icons/badge-96.png']

type Bundle = Rolldown.OutputBundle

/** Files that the page at `entry` needs, with all its views: code, styles, fonts, pictures. */
export function filesOf(bundle: Bundle, entry: string): string[] {
  const found = new Set<string>()
  function follow(name: string): void {
    const chunk = bundle[name]
    if (found.has(name) || !chunk) return
    found.add(name)
    if (chunk.type !== 'chunk') return
    for (const next of [...chunk.imports, ...chunk.dynamicImports]) follow(next)
    const { importedCss, importedAssets } = chunk.viteMetadata ?? {}
    for (const asset of [...(importedCss ?? []), ...(importedAssets ?? [])]) found.add(asset)
  }
  const start = Object.values(bundle).find((each) => each.type === 'chunk' && each.isEntry && each.name === entry)
  if (!start) throw new Error(`the build has no entry ${entry}`)
  follow(start.fileName)
  // Fonts are named in styles alone.
  for (const name of Object.keys(bundle)) if (name.endsWith('.woff2')) found.add(name)
  return [...found].filter((name) => !LATER.test(name) && !name.endsWith('.map')).sort()
}

/** `sw.js`: not hashed, for the browser asks for it under the same address. */
export function serviceWorker(root: string, base: string): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      async handler(_options, bundle) {
        const page = bundle['index.html']
        if (page?.type !== 'asset') throw new Error('the build has no index.html')
        const files = filesOf(bundle, 'index')
        const hash = createHash('sha256').update(String(page.source)).update(files.join('\n'))
        const known = new Set(readdirSync(join(root, 'public'), { recursive: true, encoding: 'utf8' }))
        for (const name of PUBLIC) {
          if (!known.has(name)) throw new Error(`public/${name} is missing`)
          hash.update(readFileSync(join(root, 'public', name)))
        }
        const shell = {
          version: hash.digest('hex').slice(0, 12),
          base,
          files: [...PUBLIC, ...files].map((name) => base + name),
          page: String(page.source),
        }
        const words = Object.fromEntries(
          LANGUAGES.map((language) => {
            const all = messagesOf(join(root, 'src'), language)
            return [language, { 'push.news': all['push.news'] }]
          }),
        )
        const built = await build({
          configFile: false,
          root,
          logLevel: 'warn',
          publicDir: false,
          define: { __SHELL__: JSON.stringify(shell), __WORDS__: JSON.stringify(words) },
          build: {
            write: false,
            target: 'es2022',
            modulePreload: false,
            rolldownOptions: {
              input: join(root, 'src/sw/sw.ts'),
              output: { format: 'iife', entryFileNames: 'sw.js' },
            },
          },
        })
        const output = (Array.isArray(built) ? built[0] : built) as Rolldown.RolldownOutput
        const code = output.output[0].code
        this.emitFile({ type: 'asset', fileName: 'sw.js', source: code })
      },
    },
  }
}
