/** What this browser remembers: theme, language, refresh interval. Without storage it is forgotten on leaving. */
import { ref, watchEffect } from 'vue'

export type Theme = 'system' | 'light' | 'dark'
export const THEMES: readonly Theme[] = ['system', 'light', 'dark']
/** Seconds between two refreshes; 0 is never. */
export const REFRESH_CHOICES = [10, 30, 60, 300, 0] as const
export const DEFAULT_REFRESH = 300

function read(name: string): string | null {
  try {
    return localStorage.getItem(`baken.${name}`)
  } catch {
    return null // Storage is forbidden in this browser: the defaults hold.
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(`baken.${name}`, value)
  } catch {
    // Storage is forbidden or full: the choice holds until the page is left.
  }
}

function storedTheme(): Theme {
  const stored = read('theme')
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

function storedRefresh(): number {
  const stored = read('refresh')
  const seconds = stored === null ? NaN : Number(stored)
  return (REFRESH_CHOICES as readonly number[]).includes(seconds) ? seconds : DEFAULT_REFRESH
}

export const theme = ref<Theme>(storedTheme())
export const refreshSeconds = ref<number>(storedRefresh())
/** Whether dark colours show now; charts draw with it. */
export const dark = ref(false)

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen
  write('theme', chosen)
}

export function chooseRefresh(seconds: number): void {
  refreshSeconds.value = seconds
  write('refresh', String(seconds))
}

export function languagePreference(): string | null {
  return read('language')
}

export function rememberLanguage(chosen: string): void {
  write('language', chosen)
}

/** Keeps <html data-bs-theme> in step with the choice and the system. */
export function applyTheme(): void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(system.matches)
  system.addEventListener('change', (event) => (systemDark.value = event.matches))
  watchEffect(() => {
    dark.value = theme.value === 'dark' || (theme.value === 'system' && systemDark.value)
    document.documentElement.setAttribute('data-bs-theme', dark.value ? 'dark' : 'light')
  })
}
