/**
 * Which sections of a page stand open on a phone, where all of them at once make a page that nobody sees the end of.
 * What was opened or folded is remembered in the browser; of the rest the first one is open.
 */
import { reactive } from 'vue'

const KEY = 'baken.sections'

function stored(): Record<string, boolean> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    if (typeof found !== 'object' || found === null) return {}
    return Object.fromEntries(Object.entries(found).filter(([, open]) => typeof open === 'boolean')) as Record<string, boolean>
  } catch {
    // Storage that is barred or holds something else remembers nothing: the page works without it.
    return {}
  }
}

const chosen = reactive(stored())

/** Whether a section is open; `first`: it is the first of its page. */
export function isOpen(id: string, first: boolean): boolean {
  return chosen[id] ?? first
}

export function setOpen(id: string, open: boolean): void {
  chosen[id] = open
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen))
  } catch {
    // It holds until the page is left.
  }
}
