import { setOpen } from './folds'

/** To a section of the page. Not by a plain link: the router takes a change of the address for a change of the view. */
export function goTo(id: string): void {
  const target = document.getElementById(id)
  if (!target) return
  setOpen(id, true)
  target.scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' })
  target.querySelector<HTMLElement>('h2')?.focus({ preventScroll: true })
  // The address leads here again; the router keeps its own state.
  history.replaceState(history.state, '', `#${id}`)
}
