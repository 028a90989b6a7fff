/** Commands about jobs that report to Baken. */
import type { CommandSource } from '../../commands'
import { t } from '../../i18n'
import { router } from '../../router'

const commands: CommandSource = () => [
  {
    id: 'heartbeats.add',
    title: t('heartbeats.add'),
    hint: t('heartbeats.title'),
    icon: 'heart',
    keywords: 'healthcheck cron ping hartslag taak job backup',
    run: async () => void (await router.push({ name: 'heartbeats', query: { add: '1' } })),
  },
]
export default commands
