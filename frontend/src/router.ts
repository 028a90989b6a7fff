/** Every folder under src/views is a view: adding one adds its route and its place in the navigation. */
import { ref } from 'vue'
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { ApiError } from './api/client'
import { loadSession, watchSession } from './session'
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
  routes: [{ path: '/', redirect: HOME }, ...routes],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

/** Where to go after signing in: only a path of this dashboard, never another address. */
export function safeReturn(wanted: unknown): string {
  return typeof wanted === 'string' && /^\/monitoring_dashboard(?:[/?#]|$)/.test(wanted) ? wanted : HOME
}

router.beforeEach(async (to) => {
  if (to.meta.view?.public) return true
  try {
    const session = await loadSession()
    return session ? true : { name: 'sign-in', query: { next: to.fullPath } }
  } catch (error) {
    // The server is away: the view opens, says so, and recovers by itself.
    if (error instanceof ApiError) return true
    throw error
  }
})

/** A view's code did not arrive: Baken was updated meanwhile, or the server is away. */
export const viewMissing = ref(false)
router.onError(() => (viewMissing.value = true))
router.afterEach(() => (viewMissing.value = false))

watchSession(() => {
  const here = router.currentRoute.value
  void router.push({ name: 'sign-in', query: { next: here.fullPath, ended: '1' } })
})
