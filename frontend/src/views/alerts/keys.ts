/** Single keys that act on the list of alerts. Whoever does not want them can switch them off: dictation types letters. */
import { onBeforeUnmount, onMounted, ref } from 'vue'

const STORED = 'baken.alertKeys'

function stored(): boolean {
  try {
    return localStorage.getItem(STORED) !== 'off'
  } catch {
    return true // Storage is forbidden in this browser: the default holds.
  }
}

export const keysOn = ref(stored())

export function chooseKeys(on: boolean): void {
  keysOn.value = on
  try {
    localStorage.setItem(STORED, on ? 'on' : 'off')
  } catch {
    // Storage is forbidden or full: the choice holds until the page is left.
  }
}

export const KEYS = [
  { keys: ['j', '↓'], text: 'keys.next' },
  { keys: ['k', '↑'], text: 'keys.previous' },
  { keys: ['Enter'], text: 'keys.open' },
  { keys: ['a'], text: 'keys.acknowledge' },
  { keys: ['r'], text: 'keys.resolve' },
  { keys: ['x'], text: 'keys.select' },
  { keys: ['?'], text: 'keys.help' },
] as const

export interface KeyActs {
  move: (by: 1 | -1) => void
  acknowledge: () => void
  resolve: () => void
  select: () => void
  help: () => void
}

/** Whether the keyboard is with something that takes letters or arrows itself. */
function typing(target: EventTarget | null): boolean {
  const element = target instanceof HTMLElement ? target : null
  return Boolean(element?.closest('input:not([type=checkbox]), textarea, select, dialog, [contenteditable]'))
}

/** Arrows move only from within the list, so that they scroll the page elsewhere. */
export function useKeys(inList: (target: EventTarget | null) => boolean, acts: KeyActs): void {
  function press(event: KeyboardEvent): void {
    if (!keysOn.value || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return
    if (document.querySelector('dialog[open]')) return
    const arrows = inList(event.target)
    const act: Record<string, (() => void) | undefined> = {
      j: () => acts.move(1),
      k: () => acts.move(-1),
      ArrowDown: arrows ? () => acts.move(1) : undefined,
      ArrowUp: arrows ? () => acts.move(-1) : undefined,
      a: acts.acknowledge,
      r: acts.resolve,
      x: acts.select,
      '?': acts.help,
    }
    const found = act[event.key]
    if (!found) return
    event.preventDefault()
    found()
  }
  onMounted(() => document.addEventListener('keydown', press))
  onBeforeUnmount(() => document.removeEventListener('keydown', press))
}
