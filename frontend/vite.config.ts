import vue from '@vitejs/plugin-vue'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { messages } from './messages.ts'
import { serviceWorker } from './worker.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const server = process.env['BAKEN_URL'] ?? 'http://127.0.0.1:8800'

const OUT = here('../baken/public')

/** Packs text files once, when built, so that the server need not do it at every request. */
function pack(): Plugin {
  let folder = OUT
  return {
    name: 'pack',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir)
    },
    writeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|svg)$/.test(name)) continue
        const content = readFileSync(join(folder, name))
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content))
        writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }))
      }
    },
  }
}

/**
 * What the page names in the build: the script that runs before it by its content, for a server of files may let browsers
 * keep it for a year; the manifest below the dashboard's path, as the worker.
 */
function pageOfBuild(root: string): Plugin {
  return {
    name: 'page-of-build',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html) {
        const theme = createHash('sha256').update(readFileSync(join(root, 'public/theme.js'))).digest('hex').slice(0, 8)
        return html
          .replace('/assets/baken/theme.js"', `/assets/baken/theme.js?v=${theme}"`)
          .replace('/assets/baken/manifest.webmanifest"', '/monitoring_dashboard/manifest.webmanifest"')
      },
    },
  }
}

export default defineConfig(({ command }) => ({
  plugins: [vue(), messages(here('src')), pageOfBuild(here('.')), serviceWorker(here('.'), '/assets/baken/'), pack()],
  // Both hosts serve the build below this path; the development server stands at the root.
  base: command === 'build' ? '/assets/baken/' : '/',
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    // The Content-Security-Policy takes fonts from files only, so nothing becomes a data: address.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: here('index.html'), 'api-docs': here('api-docs.html') },
    },
  },
  css: {
    preprocessorOptions: {
      scss: {
        // Bootstrap 5.3 is written with @import; its own notices are not ours to act on.
        quietDeps: true,
        silenceDeprecations: ['import', 'global-builtin', 'color-functions', 'if-function'],
      },
    },
  },
  server: { proxy: { '/api': server, '/health': server } },
  test: {
    environment: 'happy-dom',
    // What hangs; a slow machine that others use too is slow, and no fault.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    css: false,
  },
}))
