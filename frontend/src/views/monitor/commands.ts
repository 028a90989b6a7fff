/** Commands about Baken itself: try the chain, run the checks. Their outcome is shown on Monitor. */
import type { CommandSource } from '../../commands'
import { t } from '../../i18n'
import { router } from '../../router'
import type { TrialName } from './trials'

const open = (run: TrialName) => async () => void (await router.push({ name: 'monitor', query: { run } }))

const commands: CommandSource = () => [
  { id: 'monitor.chain', title: t('monitorPage.command.chain'), hint: t('monitorPage.title'), icon: 'pulse', keywords: 'test_monitoring_system test hops keten', run: open('chain') },
  { id: 'monitor.hourly', title: t('monitorPage.command.hourly'), hint: t('monitorPage.title'), icon: 'pulse', keywords: 'run_hourly_checks', run: open('hourly') },
  { id: 'monitor.daily', title: t('monitorPage.command.daily'), hint: t('monitorPage.title'), icon: 'pulse', keywords: 'run_daily_checks', run: open('daily') },
]
export default commands
