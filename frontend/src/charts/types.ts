/** What charts are made of. Moments are milliseconds since 1970. */
import type { RouteLocationRaw } from 'vue-router'
import type { SymbolName } from '../symbols'

/** A moment and the figure then; null where nothing was measured. */
export type Point = [at: number, value: number | null]
/** A moment, and the lowest and highest figure then. */
export type Spread = [at: number, low: number | null, high: number | null]
export type Kind = 'line' | 'area' | 'stack' | 'bars'
export type Tone = 'critical' | 'attention' | 'accent' | 'ok' | 'muted'

export interface Line {
  name: string
  points: Point[]
  /** For comparison: drawn dashed and pale, and not part of a sum. */
  dashed?: boolean
  /** A colour of the theme, where it means something; otherwise each line has one of the palette. */
  tone?: Tone
  /** Between what the figure usually is. */
  usual?: Spread[]
  /** The lowest and highest of what each point stands for. */
  range?: Spread[]
}

/** Something that happened: a line at its moment, or an area from `at` to `end`. */
export interface Mark {
  at: number
  /** Null while it goes on; absent for what has no length. */
  end?: number | null
  title: string
  icon: SymbolName
  tone: Tone
  /** Where more is told. */
  to?: RouteLocationRaw
  /** What it is, in a word: "Incident", "Release". */
  kind?: string
}

/** A stretch of time in which nothing was measured, or figures were not as usual. */
export interface Band {
  kind: 'gap' | 'unusual'
  start: number
  end: number
  text: string
}

export interface Window {
  from: number
  to: number
}

/** A rectangle in pixels. */
export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** A chart's figures as a table, for readers and for files. */
export interface Sheet {
  /** For the file's name: the metric, or what is shown, in ASCII. */
  name: string
  window?: Window
  /** The heading of the first column, in words and in the file. */
  corner: string
  csvCorner: string
  columns: { title: string; csv: string; unit: string }[]
  /** `csv` is the language-independent form of `label`. */
  rows: { label: string; csv: string; values: (number | null)[] }[]
}
