/** The service worker: opens the page without a connection, keeps the last answers, shows push messages. */
import { answer, forget, forgetOld, mayKeep, methodOf } from './kept'
import { FORGET } from './names'
import { moved, pressed, show } from './notices'
import { scope } from './scope'
import { file, install, isFile, isPage, page, tidy } from './shell'

scope.addEventListener('install', (event) => {
  // At once: pages that are open go on with the files of the build before, which are kept for them.
  event.waitUntil(install().then(() => scope.skipWaiting()))
})

scope.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([tidy(), forgetOld()]).then(() => scope.clients.claim()))
})

scope.addEventListener('fetch', (event) => {
  const { request } = event
  if (new URL(request.url).origin !== scope.location.origin) return
  if (isPage(request)) event.respondWith(page(request))
  else if (mayKeep(request)) event.respondWith(answer(request, (work) => event.waitUntil(work)))
  else if (request.method === 'POST' && methodOf(request.url) === 'logout') event.respondWith(signOut(request))
  else if (isFile(request)) event.respondWith(file(request))
})

/** Signing out: what was kept goes, whatever the server says. */
async function signOut(request: Request): Promise<Response> {
  await forget()
  return fetch(request)
}

scope.addEventListener('message', (event) => {
  if ((event.data as { type?: unknown } | null)?.type === FORGET) event.waitUntil(forget())
})

scope.addEventListener('push', (event) => {
  event.waitUntil(show(() => event.data?.json()))
})

scope.addEventListener('notificationclick', (event) => {
  event.waitUntil(pressed(event.notification, event.action))
})

scope.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(moved(event.oldSubscription ?? null, event.newSubscription ?? null))
})
