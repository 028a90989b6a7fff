/** What can be tried: the whole chain, the checks, a test alert. One at a time; each tells how it went. */
import { shallowReactive } from 'vue'
import { write } from '../../api/client'
import { t, tn } from '../../i18n'
import { explain } from '../../part'
import { reason } from '../../reasons'
import { hopName } from '../alerts/words'
import type { ChecksAnswer, TestAnswer } from './answers'

export const TRIALS = ['chain', 'hourly', 'daily', 'alert'] as const
export type TrialName = (typeof TRIALS)[number]

const METHODS: Record<TrialName, string> = {
  chain: 'verenigingen.www.monitoring_dashboard.test_monitoring_system',
  hourly: 'verenigingen.utils.alert_manager.run_hourly_checks',
  daily: 'verenigingen.utils.alert_manager.run_daily_checks',
  alert: 'baken.send_test_alert',
}
/** The slowest channel is waited for: up to fifteen seconds, and those before it. */
const PATIENCE_MS = 60_000

export interface Outcome {
  state: 'ok' | 'attention' | 'critical'
  text: string
  hops: TestAnswer['hops']
}

export interface Trials {
  running: TrialName | null
  outcome: Outcome | null
  run: (name: TrialName) => Promise<void>
}

export function isTrial(value: unknown): value is TrialName {
  return TRIALS.includes(value as TrialName)
}

function ofChecks(answer: ChecksAnswer): Outcome {
  return answer.evaluated
    ? { state: 'ok', text: tn('monitorPage.judged', answer.alerts.length), hops: [] }
    : { state: 'critical', text: t('monitorPage.notJudged', { reason: reason(answer.message) }), hops: [] }
}

function ofHops({ hops }: TestAnswer): Outcome {
  const broken = hops.filter((hop) => hop.ok === false).length
  if (broken) return { state: 'critical', text: tn('monitorPage.chainBroken', broken), hops }
  const reached = hops.some((hop) => hop.ok && hop.hop.startsWith('channel '))
  return reached ? { state: 'ok', text: t('monitorPage.chainOk'), hops } : { state: 'attention', text: t('delivery.nobody'), hops }
}

/** A step of the chain, in the reader's words. */
export function stepName(hop: string): string {
  const key = `monitorPage.hop.${hop.replaceAll(' ', '_')}`
  const text = t(key)
  return text === key ? hopName(hop) : text
}

export function useTrials(changed: () => Promise<void>): Trials {
  const trials: Trials = shallowReactive({
    running: null as TrialName | null,
    outcome: null as Outcome | null,
    async run(name: TrialName) {
      if (trials.running) return
      trials.running = name
      trials.outcome = null
      try {
        const answer = await write<TestAnswer & ChecksAnswer>(METHODS[name], { timeout: PATIENCE_MS })
        trials.outcome = name === 'hourly' || name === 'daily' ? ofChecks(answer) : ofHops(answer)
      } catch (error) {
        trials.outcome = { state: 'critical', text: t('action.failed', { reason: explain(error) }), hops: [] }
      } finally {
        trials.running = null
      }
      await changed()
    },
  })
  return trials
}
