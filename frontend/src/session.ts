/** Who is signed in, and the ways in and out. */
import { ref } from 'vue'
import { ApiError, chosenSite, onSession, postPlain, read, setCsrfToken, setSite, write } from './api/client'
import type { Session, SignedIn, SignInOptions } from './api/types'
import { followAccount, t } from './i18n'
import { forgetKept } from './offline'
import { followProfile } from './profile'

export const session = ref<Session | null>(null)
let asked: Promise<Session | null> | null = null

async function fetchSession(): Promise<Session | null> {
  try {
    const found = await read<Session>('baken.get_session')
    if (!found?.user || found.user === 'Guest') return null
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
      session.value = null
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
