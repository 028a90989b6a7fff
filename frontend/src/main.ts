import { createApp } from 'vue'
import App from './App.vue'
import { startClock } from './clock'
import { firstLanguage, setLanguage } from './i18n'
import { watchOpenAlerts } from './openAlerts'
import { startOffline } from './offline'
import { applyTheme } from './preferences'
import { router, safeReturn } from './router'
import { loadSession, session } from './session'
import './styles/theme.scss'

applyTheme()
startClock()
const texts = setLanguage(firstLanguage())
// What the router will ask for is fetched beside the texts, not after them. What fails is told when it is asked for.
const first = router.resolve(window.location.pathname).meta.view
if (first && !first.public) {
  if (!new URLSearchParams(window.location.search).has('site')) loadSession().catch(() => undefined)
  first.component().catch(() => undefined)
}
await texts
watchOpenAlerts()
startOffline((path) => void router.push(safeReturn(path)), () => session.value?.user)
createApp(App).use(router).mount('#app')
