/** What the page tells about something that was done, with the way back. */

export interface Notice {
  text: string
  /** A failure stays until it is dismissed. */
  failed: boolean
  undo: (() => Promise<void>) | null
}

/** Whoever does things and tells of them in the notice bar. */
export interface Noticed {
  notice: Notice | null
  busy: boolean
  dismiss: () => void
}
