/** What this browser remembers: theme, language, refresh interval, span of time. Without storage it is forgotten on leaving. */
import { computed, ref, watchEffect } from 'vue'

export type Theme = 'system' | 'light' | 'dark' | 'contrast'
export const THEMES: readonly Theme[] = ['system', 'light', 'dark', 'contrast']
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
  return THEMES.find((one) => one === stored) ?? 'system'
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
/** Whether colours of high contrast show now. */
export const contrast = ref(false)

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

export function storedRange(): string | null {
  return read('range')
}

export function rememberRange(key: string): void {
  write('range', key)
}

/** Whether something was chosen in this browser: that wins over what the person's profile says. */
export function chosenHere(name: 'theme' | 'refresh' | 'language' | 'range' | 'zone' | 'start'): boolean {
  return read(name) !== null
}

/** Lets the person's profile decide again. */
export function forgetChoices(): void {
  for (const name of ['theme', 'refresh', 'language', 'range', 'zone', 'start']) {
    try {
      localStorage.removeItem(`baken.${name}`)
    } catch {
      return // Storage is forbidden in this browser: nothing is remembered.
    }
  }
}

export type Zone = 'browser' | 'site'
/** In whose time zone moments are told. */
export const zone = ref<Zone>(read('zone') === 'site' ? 'site' : 'browser')
/** The site's time zone, as soon as it is known. */
export const siteZone = ref<string | undefined>()
/** The time zone of the moments on the page; undefined: the browser's. */
export const shownZone = computed(() => (zone.value === 'site' ? siteZone.value : undefined))

export function chooseZone(chosen: Zone): void {
  zone.value = chosen
  write('zone', chosen)
}

/** The name of the view that Baken opens with; empty: the overview. */
export const startView = ref(read('start') ?? '')

export function chooseStart(name: string): void {
  startView.value = name
  write('start', name)
}

/** Whether the navigation shows its symbols alone. */
export const narrow = ref(read('narrow') === '1')

export function chooseNarrow(chosen: boolean): void {
  narrow.value = chosen
  write('narrow', chosen ? '1' : '0')
}

function followed(query: string) {
  const system = matchMedia(query)
  const matches = ref(system.matches)
  system.addEventListener('change', (event) => (matches.value = event.matches))
  return matches
}

/** Keeps the attributes data-bs-theme and data-contrast of <html> in step with the choice and the system. */
export function applyTheme(): void {
  const systemDark = followed('(prefers-color-scheme: dark)')
  const systemContrast = followed('(prefers-contrast: more)')
  watchEffect(() => {
    dark.value = theme.value === 'dark' || (theme.value !== 'light' && systemDark.value)
    contrast.value = theme.value === 'contrast' || systemContrast.value
    document.documentElement.setAttribute('data-bs-theme', dark.value ? 'dark' : 'light')
    if (contrast.value) document.documentElement.setAttribute('data-contrast', 'more')
    else document.documentElement.removeAttribute('data-contrast')
  })
}
