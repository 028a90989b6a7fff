/** Commands that lead to each part of the settings. */
import type { CommandSource } from '../../commands'
import { t } from '../../i18n'
import { router } from '../../router'

const TABS = ['rules', 'recipients', 'silences', 'maintenance', 'retention', 'sites', 'profile'] as const

const commands: CommandSource = () =>
  TABS.map((tab) => ({
    id: `settings.${tab}`,
    title: t(`settingsTab.${tab}`),
    hint: t('setup.title'),
    icon: 'gear',
    keywords: `settings instellingen ${tab}`,
    run: async () => void (await router.push({ name: 'settings', query: { tab } })),
  }))
export default commands
