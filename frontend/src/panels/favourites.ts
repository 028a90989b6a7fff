/** Metrics that this browser marked or looked at last. Without storage they are forgotten on leaving. */
import { ref } from 'vue'

const MOST_RECENT = 8

function stored(name: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(`baken.${name}`) ?? '[]')
    return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string') : []
  } catch {
    return [] // Storage is forbidden in this browser, or holds something else.
  }
}

function keep(name: string, metrics: string[]): void {
  try {
    localStorage.setItem(`baken.${name}`, JSON.stringify(metrics))
  } catch {
    // Storage is forbidden or full: it holds until the page is left.
  }
}

export const favourites = ref<string[]>(stored('favouriteMetrics'))
export const recent = ref<string[]>(stored('recentMetrics'))

export function toggleFavourite(metric: string): void {
  favourites.value = favourites.value.includes(metric) ? favourites.value.filter((one) => one !== metric) : [...favourites.value, metric]
  keep('favouriteMetrics', favourites.value)
}

export function noteUse(metric: string): void {
  recent.value = [metric, ...recent.value.filter((one) => one !== metric)].slice(0, MOST_RECENT)
  keep('recentMetrics', recent.value)
}
