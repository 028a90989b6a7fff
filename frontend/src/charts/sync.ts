/** The moment that the reader points at in one chart; all charts of the page show it. */
import { shallowRef } from 'vue'

export const pointed = shallowRef<{ at: number; chart: string } | null>(null)

let charts = 0
/** Tells one chart from another, on all of the page. */
export const newChart = (): string => `chart-${(charts += 1)}`

export function point(chart: string, at: number): void {
  pointed.value = { at, chart }
}

/** Takes back what this chart pointed at; another's stays. */
export function unpoint(chart: string): void {
  if (pointed.value?.chart === chart) pointed.value = null
}
