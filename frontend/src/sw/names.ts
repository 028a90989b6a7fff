/** Names that the page and its service worker share. */

/** Where the dashboard's pages lie; the worker serves these. */
export const HOME = '/monitoring_dashboard'
/** The cache of answers; nothing else is in it, so deleting it deletes all that was kept. */
export const KEPT = 'baken-kept'
/** On an answer that was kept: when it came, ISO. */
export const KEPT_HEADER = 'X-Baken-Kept'
/** What a page tells the worker: forget all answers. */
export const FORGET = 'baken-forget'
/** What the worker tells a page: show this path. */
export const OPEN = 'baken-open'
