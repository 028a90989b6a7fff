/** Who is signed in, and the ways in and out. */
import { ref } from 'vue'
import { ApiError, chosenSite, onSession, postPlain, read, setCsrfToken, setSite, write } from './api/client'
import type { Session, SignedIn, SignInOptions } from './api/types'
import { cookieUser, hostKind } from './host'
import { followAccount, t } from './i18n'
import { forgetKept, keptSince } from './offline'
import { followProfile } from './profile'

export const session = ref<Session | null>(null)
let asked: Promise<Session | null> | null = null

async function fetchSession(): Promise<Session | null> {
  try {
    const found = await read<Session>('baken.get_session')
    if (!found?.user || found.user === 'Guest') return null
    hostKind.value = found.host ?? 'server'
    if (hostKind.value === 'frappe') {
      // The address says which site it is, and it is the only one.
      setSite('')
      if (await leftElsewhere(found.user)) return null
    }
    setCsrfToken(found.csrf_token)
    await followAccount(found.language)
    void followProfile()
    return found
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      await forgetKept()
      return null
    }
    throw error
  }
}

/**
 * Whether a kept session is somebody's who has signed out since, or not here: in the Desk, which this page's worker does
 * not see. What was kept is forgotten then.
 */
async function leftElsewhere(user: string): Promise<boolean> {
  const told = cookieUser()
  if (keptSince.value === null || told === null || told === user) return false
  await forgetKept()
  return true
}

/** Turns to another of the person's sites. Raises when that is refused; the one before stays then. */
export async function switchSite(site: string): Promise<void> {
  if (session.value?.site === site) return
  const before = chosenSite()
  setSite(site)
  try {
    const found = await fetchSession()
    if (!found) throw new ApiError(t('sites.refused', { site }), 403, 'PermissionError')
    session.value = found
  } catch (error) {
    setSite(before)
    throw error
  }
}

/** The session, asked once. Null: nobody is signed in. Raises when the server is away. */
export async function loadSession(): Promise<Session | null> {
  if (session.value) return session.value
  asked ??= fetchSession()
  try {
    session.value = await asked
  } finally {
    asked = null
  }
  return session.value
}

export async function signInOptions(): Promise<SignInOptions> {
  return read<SignInOptions>('baken.get_sign_in_options')
}

export async function signIn(user: string, password: string, site: string | null): Promise<void> {
  setSite('')
  const answer = await postPlain<SignedIn>('login', { usr: user, pwd: password, site: site ?? undefined })
  // Whatever somebody else saw in this browser before.
  await forgetKept()
  setCsrfToken(answer.csrf_token)
  setSite(answer.site ?? '')
  session.value = null
  await loadSession()
}

export async function signOut(): Promise<void> {
  const { endPush } = await import('./push')
  await endPush()
  await write('logout')
  await forgetKept()
  // There the page is left; emptied, it would ask for everything once more, as nobody.
  if (hostKind.value === 'frappe') return
  session.value = null
  setCsrfToken('')
  setSite('')
}

/** Wires the client: where to go when the session is gone. */
export function watchSession(leave: () => void): void {
  let looking = false

  // 401: the session has ended. 403: nobody is signed in any more, or this one thing is not allowed; asking tells which.
  async function refused(status: number): Promise<void> {
    if (!session.value || looking) return
    looking = true
    try {
      if (status === 403 && (await fetchSession())) return
      if (hostKind.value !== 'frappe') session.value = null
      leave()
    } catch {
      // The server is away now: the next answer tells.
    } finally {
      looking = false
    }
  }

  onSession(
    (status) => void refused(status),
    async () => {
      const renewed = await fetchSession()
      session.value = renewed
    },
  )
}
