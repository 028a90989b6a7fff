/** The time now, ticking once a second while the page is visible; relative times and countdowns follow it. */
import { ref } from 'vue'

export const now = ref(Date.now())

function tick(): void {
  if (!document.hidden) now.value = Date.now()
}

export function startClock(): void {
  setInterval(tick, 1000)
  document.addEventListener('visibilitychange', tick)
}
