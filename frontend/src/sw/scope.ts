/** What a service worker has that a page has not, as far as this one uses it: the compiler knows pages only. */

export interface LifeEvent extends Event {
  waitUntil(work: Promise<unknown>): void
}

export interface FetchEvent extends LifeEvent {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}

export interface PushEvent extends LifeEvent {
  readonly data: { json(): unknown } | null
}

export interface NoticeEvent extends LifeEvent {
  readonly action: string
  readonly notification: Notification
}

export interface SubscriptionEvent extends LifeEvent {
  readonly oldSubscription?: PushSubscription | null
  readonly newSubscription?: PushSubscription | null
}

export interface MessageFromPage extends LifeEvent {
  readonly data: unknown
}

/** A window or tab. */
export interface OpenPage {
  readonly url: string
  readonly focused: boolean
  focus(): Promise<OpenPage>
  postMessage(message: unknown): void
}

export interface Scope {
  readonly location: Location
  readonly registration: ServiceWorkerRegistration
  readonly clients: {
    claim(): Promise<void>
    matchAll(options: { type: 'window'; includeUncontrolled?: boolean }): Promise<OpenPage[]>
    openWindow(url: string): Promise<OpenPage | null>
  }
  skipWaiting(): Promise<void>
  addEventListener(name: 'install' | 'activate', heard: (event: LifeEvent) => void): void
  addEventListener(name: 'fetch', heard: (event: FetchEvent) => void): void
  addEventListener(name: 'push', heard: (event: PushEvent) => void): void
  addEventListener(name: 'notificationclick', heard: (event: NoticeEvent) => void): void
  addEventListener(name: 'pushsubscriptionchange', heard: (event: SubscriptionEvent) => void): void
  addEventListener(name: 'message', heard: (event: MessageFromPage) => void): void
}

export const scope = globalThis as unknown as Scope
