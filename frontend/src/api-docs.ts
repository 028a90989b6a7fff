import { createApp } from 'vue'
import { startClock } from './clock'
import ApiDocs from './docs/ApiDocs.vue'
import { firstLanguage, setLanguage } from './i18n'
import { applyTheme } from './preferences'
import './styles/theme.scss'

applyTheme()
startClock()
await setLanguage(firstLanguage())
createApp(ApiDocs).mount('#app')
