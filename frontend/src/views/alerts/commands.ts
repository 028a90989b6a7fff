/** Commands about alerts: each open one can be opened, acknowledged and silenced from anywhere. */
import type { Alert, AlertsChanged, AlertsList } from '../../api/alerts'
import { ApiError, read, write } from '../../api/client'
import type { CommandSource } from '../../commands'
import { t } from '../../i18n'
import { router } from '../../router'
import { canAcknowledge, canSilence, refusal } from './actions'
import { titleOf } from './words'

const MOST = 50
const SILENCE_HOURS = 4

async function acknowledge(alert: Alert): Promise<void> {
  const answer = await write<AlertsChanged>('baken.acknowledge_alerts', { args: { alerts: String(alert.number) } })
  const [refused] = answer.refused
  if (refused) throw new ApiError(refusal(refused, answer.alerts.find((one) => one.number === alert.number)), 409, 'Refused')
}

async function silence(alert: Alert): Promise<void> {
  await write('baken.add_silence', { args: { matchers: alert.match, hours: SILENCE_HOURS, comment: t('palette.silenceComment') } })
}

const commands: CommandSource = async () => {
  const { alerts } = await read<AlertsList>('baken.get_alerts', { args: { status: 'open', limit: MOST } })
  return alerts
    .filter((alert) => alert.number !== null)
    .flatMap((alert) => {
      const title = titleOf(alert)
      const keywords = `${alert.name} ${alert.rule} ${alert.severity} ${alert.area}`
      return [
        ...(canAcknowledge(alert) ? [{ id: `alert.ack.${alert.number}`, title: t('palette.acknowledge', { title }), hint: alert.name, icon: 'known' as const, keywords, run: () => acknowledge(alert) }] : []),
        { id: `alert.${alert.number}`, title, hint: alert.name, icon: 'bell' as const, keywords, run: async () => void (await router.push({ name: 'alert', params: { number: alert.number } })) },
        ...(canSilence(alert) ? [{ id: `alert.silence.${alert.number}`, title: t('palette.silence', { title }), hint: alert.name, icon: 'muted' as const, keywords, run: () => silence(alert) }] : []),
      ]
    })
}
export default commands
