import type { Component } from 'vue'
import type { MessageKey } from './i18n'
import type { SymbolName } from './symbols'

/** A view of the dashboard: one folder under src/views with a `view.ts` that exports this by default. */
export interface View {
  name: string
  path: string
  /** Its name in the navigation and in the window's title. */
  title: MessageKey
  /** Place in the navigation, from the top; without one it is not listed there. */
  order?: number
  /** Its symbol in the navigation. */
  icon?: SymbolName
  /** Whether it is listed now; without this it always is. */
  listed?: () => boolean
  /** Shown without anybody signed in, and without the frame around it. */
  public?: boolean
  component: () => Promise<{ default: Component }>
}
