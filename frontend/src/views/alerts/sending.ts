/** A dialog that asks the server for something: refused, it stays open with what was filled in, and says why. */
import { ref, type Ref } from 'vue'

/** Answers the refusal in words, or null when it was done. */
export type Send<T> = (given: T) => Promise<string | null>

export interface Sending<T> {
  refused: Ref<string | null>
  submit: (given: T, close: () => void) => Promise<void>
}

export function useSending<T>(send: Send<T>): Sending<T> {
  const refused = ref<string | null>(null)
  // The button stays usable to the eye: disabled it would lose the focus of whoever pressed it.
  let under = false

  async function submit(given: T, close: () => void): Promise<void> {
    if (under) return
    under = true
    refused.value = null
    try {
      refused.value = await send(given)
    } finally {
      under = false
    }
    if (refused.value === null) close()
  }
  return { refused, submit }
}
