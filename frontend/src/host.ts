/**
 * Which host serves this page: Baken's own server, or the watched site itself, where Baken is one of Frappe's apps. It
 * decides about the ways in and out; everything else is the same.
 */
import { ref } from 'vue'

export type HostKind = 'server' | 'frappe'

/** Null until a session has told it. */
export const hostKind = ref<HostKind | null>(null)

/** Frappe's own pages; every version of it leads from here to where they are. */
export const DESK = '/app'

/** A page of the host to sign in at, `path` to follow; null: this page has one of its own. */
export function signInAddress(path: string): string | null {
  if (hostKind.value === 'server') return null
  const query = new URLSearchParams({ 'redirect-to': path })
  // Not known yet: both hosts have a page at this address, and each reads its own word.
  if (hostKind.value === null) query.set('next', path)
  return `/login?${query.toString()}`
}

/** The user that Frappe tells every page of in a cookie; null: it tells none. */
export function cookieUser(): string | null {
  const found = /(?:^|;\s*)user_id=([^;]*)/.exec(document.cookie)?.[1]
  if (!found) return null
  try {
    return decodeURIComponent(found.replace(/^"|"$/g, ''))
  } catch {
    return null // Another's cookie of that name, with something else in it.
  }
}
