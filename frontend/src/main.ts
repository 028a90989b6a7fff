import { createApp } from 'vue'
import App from './App.vue'
import { startClock } from './clock'
import { firstLanguage, setLanguage } from './i18n'
import { watchOpenAlerts } from './openAlerts'
import { startOffline } from './offline'
import { applyTheme } from './preferences'
import { router, safeReturn } from './router'
import { session } from './session'
import './styles/theme.scss'

applyTheme()
startClock()
await setLanguage(firstLanguage())
watchOpenAlerts()
startOffline((path) => void router.push(safeReturn(path)), () => session.value?.user)
createApp(App).use(router).mount('#app')
