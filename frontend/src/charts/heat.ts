/** Counts of hours of the week as steps of colour. */

export const STEPS = 5

/** 0 for none, 1 to STEPS for the rest; the root keeps one stormy hour from paling all others. */
export function stepOf(count: number | null, maximum: number): number {
  if (!count || maximum <= 0) return 0
  return Math.max(1, Math.ceil(Math.sqrt(count / maximum) * STEPS))
}

export interface Peak {
  weekday: number
  hour: number
  count: number
}

/** The hour of the week with the most; null when there is nothing at all. */
export function peakOf(grid: (number | null)[][]): Peak | null {
  let peak: Peak | null = null
  grid.forEach((hours, weekday) =>
    hours.forEach((count, hour) => {
      if (count && count > (peak?.count ?? 0)) peak = { weekday, hour, count }
    }),
  )
  return peak
}
