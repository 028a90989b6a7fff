/** Commands about reports. */
import type { CommandSource } from '../../commands'
import { t } from '../../i18n'
import { router } from '../../router'

const commands: CommandSource = () =>
  (['daily', 'weekly'] as const).map((period) => ({
    id: `reports.${period}`,
    title: t(`reports.command.${period}`),
    hint: t('reports.title'),
    icon: 'report' as const,
    keywords: 'report rapport print pdf',
    run: async () => void (await router.push({ name: 'reports', query: period === 'weekly' ? { period } : {} })),
  }))
export default commands
