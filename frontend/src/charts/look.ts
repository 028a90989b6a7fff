/** The colours that charts draw with: those of the theme, followed at once when the reader changes it. */
import { computed, ref, type ComputedRef } from 'vue'
import { dark } from '../preferences'
import type { Line, Tone } from './types'

export interface Look {
  text: string
  muted: string
  line: string
  surface: string
  sunken: string
  tones: Record<Tone, string>
  soft: { critical: string; attention: string }
  palette: readonly string[]
  font: string
  /** The reader asked for more contrast: lines are thicker and nothing is pale. */
  strong: boolean
}

/** Told apart with every kind of colour blindness (after Okabe and Ito), and 3:1 or more on the surface. The first is the accent. */
const LIGHT = ['#1b5a82', '#b45309', '#00795c', '#94338f', '#3d8fd1', '#8a7000', '#c2385a', '#5b6470'] as const
const DARK = ['#84bde3', '#f2a65a', '#4fc3a1', '#d79ad9', '#5b8fe0', '#e0cf63', '#f5879f', '#b4bdc7'] as const
const LIGHT_STRONG = ['#003a63', '#8a3200', '#00523d', '#6b0f67', '#0b4fa3', '#5c4a00', '#8f0f34', '#33393f'] as const
const DARK_STRONG = ['#b5dcff', '#ffc48a', '#8ff0cd', '#f3c3f5', '#a5c5ff', '#fff08f', '#ffb8c6', '#e3e8ed'] as const

/** Dashes that go with the colours, so that lines are told apart without them. */
export const DASHES: readonly ('solid' | number[])[] = ['solid', [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [12, 4], [2, 2, 6, 2], [1, 4]]
export const COMPARED: number[] = [5, 5]

/** Counts the changes of the document's theme. */
const version = ref(0)
let watching = false

function watchTheme(): void {
  if (watching || typeof MutationObserver === 'undefined') return
  watching = true
  new MutationObserver(() => (version.value += 1)).observe(document.documentElement, { attributes: true, attributeFilter: ['data-bs-theme', 'data-contrast'] })
  for (const query of ['(prefers-contrast: more)', '(forced-colors: active)']) matchMedia(query).addEventListener('change', () => (version.value += 1))
}

function read(): Look {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(name).trim() || '#808080'
  const isDark = document.documentElement.getAttribute('data-bs-theme') === 'dark'
  const strong = document.documentElement.getAttribute('data-contrast') === 'more' || matchMedia('(prefers-contrast: more)').matches
  return {
    text: colour('--bs-body-color'),
    muted: colour('--muted'),
    line: colour('--line'),
    surface: colour('--surface'),
    sunken: colour('--surface-sunken'),
    tones: { critical: colour('--critical'), attention: colour('--attention'), accent: colour('--accent'), ok: colour('--ok'), muted: colour('--muted') },
    soft: { critical: colour('--critical-soft'), attention: colour('--attention-soft') },
    palette: isDark ? (strong ? DARK_STRONG : DARK) : strong ? LIGHT_STRONG : LIGHT,
    font: getComputedStyle(document.body).fontFamily,
    strong,
  }
}

const current = computed<Look>(() => {
  // What the style sheet says changes with these and tells nobody.
  void version.value
  void dark.value
  return read()
})

export function useLook(): ComputedRef<Look> {
  watchTheme()
  return current
}

export interface Stroke {
  colour: string
  dash: 'solid' | number[]
}

/** How each line is drawn: a colour of its meaning or of the palette, and its dash. */
export function strokesOf(lines: readonly Line[], look: Look, dashes = true): Stroke[] {
  let own = 0
  return lines.map((line) => {
    if (line.dashed) return { colour: line.tone ? look.tones[line.tone] : look.muted, dash: COMPARED }
    const i = own
    own += 1
    return {
      colour: line.tone ? look.tones[line.tone] : (look.palette[i % look.palette.length] ?? look.text),
      dash: dashes ? (DASHES[(i + Math.floor(i / look.palette.length)) % DASHES.length] ?? 'solid') : 'solid',
    }
  })
}
