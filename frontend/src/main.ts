import { createApp } from 'vue'
import App from './App.vue'
import { startClock } from './clock'
import { firstLanguage, setLanguage } from './i18n'
import { applyTheme } from './preferences'
import { router } from './router'
import './styles/theme.scss'

applyTheme()
startClock()
await setLanguage(firstLanguage())
createApp(App).use(router).mount('#app')
