import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const server = process.env['BAKEN_URL'] ?? 'http://127.0.0.1:8800'

export default defineConfig(({ command }) => ({
  plugins: [vue()],
  // Both hosts serve the build below this path; the development server stands at the root.
  base: command === 'build' ? '/assets/baken/' : '/',
  build: {
    outDir: here('../baken/public'),
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
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    css: false,
  },
}))
