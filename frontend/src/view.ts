import type { Component } from 'vue'
import type { MessageKey } from './i18n'

/** A view of the dashboard: one folder under src/views with a `view.ts` that exports this by default. */
export interface View {
  name: string
  path: string
  /** Its name in the navigation and in the window's title. */
  title: MessageKey
  /** Place in the navigation, from the left; without one it is not listed there. */
  order?: number
  /** Shown without anybody signed in, and without the frame around it. */
  public?: boolean
  component: () => Promise<{ default: Component }>
}
