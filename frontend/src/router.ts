/** Every folder under src/views is a view: adding one adds its route and its place in the navigation. */
import { ref } from 'vue'
import { createRouter, START_LOCATION, createWebHistory, type RouteLocationRaw, type RouteRecordRaw } from 'vue-router'
import { ApiError, setSite } from './api/client'
import { hostKind, signInAddress } from './host'
import { startView } from './preferences'
import { loadSession, session, switchSite, watchSession } from './session'
import type { View } from './view'

export const HOME = '/monitoring_dashboard'

const found = import.meta.glob<View>('./views/*/view.ts', { eager: true, import: 'default' })
export const views: readonly View[] = Object.values(found)
export const navigation: readonly View[] = views
  .filter((view) => view.order !== undefined)
  .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))

declare module 'vue-router' {
  interface RouteMeta {
    view?: View
  }
}

const routes: RouteRecordRaw[] = views.map((view) => ({
  name: view.name,
  path: view.path,
  component: view.component,
  meta: { view },
}))

export const router = createRouter({
  history: createWebHistory('/'),
  routes: [
    { path: '/', redirect: () => startPath() },
    // Where the list of metrics was before it became a part of the Explorer.
    { path: `${HOME}/metrics`, redirect: (to) => ({ path: `${HOME}/explorer`, query: to.query }) },
    ...routes,
  ],
  // Another span of time, or a section of the page, is no other page; a view goes to its sections by itself.
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path || to.hash ? false : { top: 0 }),
})

/** Where to go after signing in: only a path of this dashboard, never another address. */
export function safeReturn(wanted: unknown): string {
  return typeof wanted === 'string' && /^\/monitoring_dashboard(?:[/?#]|$)/.test(wanted) ? wanted : HOME
}

/** Where Baken opens: the view that the person chose, else the overview. */
export function startPath(): string {
  return navigation.find((view) => view.name === startView.value)?.path ?? HOME
}

/** The way to signing in, `path` to follow; false: it leads out of this page, and is taken. */
function toSignIn(path: string, ended = false): RouteLocationRaw | false {
  const address = signInAddress(path)
  if (address === null) return { name: 'sign-in', query: { next: path, ...(ended && { ended: '1' }) } }
  window.location.replace(address)
  return false
}

/** After signing out: where somebody signs in again. */
export async function showSignIn(): Promise<void> {
  if (hostKind.value === 'frappe') window.location.assign('/login')
  else await router.push({ name: 'sign-in' })
}

/** Opened by its plain address, as from a bookmark or the home screen, Baken begins where the person likes it to. */
router.beforeEach((to, from) => {
  const plain = to.path === HOME && !Object.keys(to.query).length && !to.hash
  return from === START_LOCATION && plain && startPath() !== HOME ? { path: startPath(), replace: true } : true
})

/** The site stands in the address as soon as there are several, so that a link shows the same one to somebody else. */
router.beforeEach(async (to) => {
  if (to.meta.view?.public) return true
  const wanted = to.query['site']
  try {
    if (typeof wanted === 'string' && wanted && wanted !== session.value?.site && hostKind.value !== 'frappe') {
      if (session.value) await switchSite(wanted)
      else setSite(wanted)
    }
    const known = await loadSession()
    if (!known) return toSignIn(to.fullPath)
    if (known.sites.length > 1 && wanted !== known.site) return { ...to, query: { ...to.query, site: known.site }, replace: true }
    return true
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401 || error.status === 403) return toSignIn(to.fullPath)
    // The server is away: the view opens, says so, and recovers by itself.
    return true
  }
})

/** Shows the present view of another site; of what belongs to one site, the overview. */
export async function openSite(site: string): Promise<void> {
  const here = router.currentRoute.value
  const path = Object.keys(here.params).length || here.name === 'fleet' ? HOME : here.path
  await router.push({ path, query: { site } })
}

/** A view's code did not arrive: Baken was updated meanwhile, or the server is away. */
export const viewMissing = ref(false)
/** Where somebody wanted to go then; '' when it is a part of the view that is open. */
export const wantedPath = ref('')
router.onError((_error, to) => {
  viewMissing.value = true
  wantedPath.value = to.fullPath
})
router.afterEach(() => {
  viewMissing.value = false
  wantedPath.value = ''
})

watchSession(() => {
  const place = toSignIn(router.currentRoute.value.fullPath, true)
  if (place) void router.push(place)
})
