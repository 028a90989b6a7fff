/** What can be done with alerts and silences, each with its way back where there is one. */
import { shallowReactive } from 'vue'
import { write } from '../../api/client'
import type { Alert, AlertsChanged, Feedback, Labels, Recurrence, Silence } from '../../api/alerts'
import { explain } from '../../part'
import { t, tn } from '../../i18n'
import { reason } from '../../reasons'
import type { Notice, Noticed } from '../../notice'
import { titleOf, who } from './words'

type Args = Record<string, string | number | Labels>

interface Step {
  method: string
  args: Args
}

export interface NewSilence {
  matchers: Labels
  hours?: number
  starts?: string
  ends?: string
  comment: string
}

export interface NewMaintenance extends Pick<Recurrence, 'days' | 'at' | 'minutes'> {
  matchers: Labels
  until: string
  comment: string
}

export interface Assignment {
  to: string
  note: string
}

/** Each answers whether something was changed; what a dialog asks for answers the refusal to it, null when it was done. */
export interface Actions extends Noticed {
  acknowledge: (alerts: Alert[], note?: string) => Promise<boolean>
  resolve: (alerts: Alert[], note?: string) => Promise<boolean>
  reopen: (alerts: Alert[], note?: string) => Promise<boolean>
  assign: (alerts: Alert[], to: string, note?: string) => Promise<boolean>
  rate: (alerts: Alert[], feedback: Feedback) => Promise<boolean>
  comment: (alert: Alert, text: string) => Promise<boolean>
  silence: (given: NewSilence) => Promise<string | null>
  maintain: (given: NewMaintenance) => Promise<string | null>
  end: (silence: Silence) => Promise<boolean>
  enable: (channel: string) => Promise<boolean>
}

const numbers = (alerts: Alert[]) => alerts.flatMap((one) => (one.number === null ? [] : [one.number]))
const listed = (alerts: Alert[]) => numbers(alerts).join(',')

export const canAcknowledge = (alert: Alert) => alert.may_act && alert.status === 'Active'
export const canResolve = (alert: Alert) => alert.may_act && alert.status !== 'Resolved'
export const canReopen = (alert: Alert) => alert.may_act && alert.status === 'Resolved'
/** Silences belong to a site: what concerns the host is held back by nobody but the host's own people. */
export const canSilence = (alert: Alert) => alert.source === 'baken' && alert.site !== '' && alert.status !== 'Resolved'

/** One call per value that the alerts had before. */
function restoring(before: Alert[], method: string, name: string, valueOf: (alert: Alert) => string): Step[] {
  const values = [...new Set(before.map(valueOf))]
  return values.map((value) => ({ method, args: { alerts: listed(before.filter((one) => valueOf(one) === value)), [name]: value } }))
}

/** Opened again, and acknowledged again where somebody had. */
function reopening(before: Alert[]): Step[] {
  const taken = before.filter((one) => one.status === 'Acknowledged')
  return [
    { method: 'baken.reopen_alerts', args: { alerts: listed(before) } },
    ...(taken.length ? [{ method: 'baken.acknowledge_alerts', args: { alerts: listed(taken) } }] : []),
  ]
}

/** Why it was refused: mostly somebody else was faster, and then it matters who. */
export function refusal(refused: AlertsChanged['refused'][number], now: Alert | undefined): string {
  if (now?.status === 'Acknowledged' && now.acknowledged_by) return t('refused.acknowledged', { who: who(now.acknowledged_by) })
  if (now?.status === 'Resolved') return now.resolved_by ? t('refused.resolved', { who: who(now.resolved_by) }) : t('refused.over')
  // The server's own words begin with the alert's name, which the notice has told already.
  return reason(refused.reason).replace(/^BA-\d+ /, '')
}

/**
 * For a dialog: why nothing was done of what it asked for, null when it was, or a part of it was. The refusal is for the
 * dialog alone: the notice would stand behind it.
 */
export function refusedBy(actions: Actions, done: boolean): string | null {
  const notice = actions.notice
  if (done || notice?.undo) return null
  actions.dismiss()
  return notice?.text ?? t('action.busy')
}

/** `changed` is called after each action and each undo; `taken` gets the alerts as they are now. */
export function useActions(changed: () => Promise<void>, taken: (alerts: Alert[]) => void = () => {}): Actions {
  async function guarded(work: () => Promise<Notice>): Promise<boolean> {
    if (actions.busy) return false
    actions.busy = true
    actions.notice = null
    try {
      actions.notice = await work()
      return !actions.notice.failed
    } catch (error) {
      actions.notice = { text: t('action.failed', { reason: explain(error) }), failed: true, undo: null }
      return false
    } finally {
      actions.busy = false
      await refreshed()
    }
  }

  /** The action was done whether or not the list can be read afterwards; the refresh loop tells of an outage. */
  async function refreshed(): Promise<void> {
    try {
      await changed()
    } catch {
      return
    }
  }

  function undoing(steps: Step[]): (() => Promise<void>) | null {
    if (!steps.length) return null
    return async () => {
      await guarded(async () => {
        for (const step of steps) {
          const answer = await write<Partial<AlertsChanged>>(step.method, { args: step.args })
          if (answer?.alerts) taken(answer.alerts)
          const [refused] = answer?.refused ?? []
          if (refused) throw new Error(refusal(refused, answer.alerts?.find((one) => one.number === refused.number)))
        }
        return { text: t('action.undone'), failed: false, undo: null }
      })
    }
  }

  /** Alerts of which something is wanted; what was refused is told with the reason. */
  function onAlerts(alerts: Alert[], step: Step, done: (n: number) => string, back: (before: Alert[]) => Step[]): Promise<boolean> {
    return guarded(async () => {
      const answer = await write<AlertsChanged>(step.method, { args: step.args })
      taken(answer.alerts)
      const before = alerts.filter((one) => one.number !== null && answer.changed.includes(one.number))
      const undo = undoing(before.length ? back(before) : [])
      if (!answer.refused.length) return { text: done(before.length), failed: false, undo }
      const [first] = answer.refused
      const now = answer.alerts.find((one) => one.number === first?.number)
      const reason = first ? refusal(first, now) : ''
      if (!before.length && answer.refused.length === 1) {
        return { text: t('refused.one', { title: now ? titleOf(now) : String(first?.number), reason }), failed: true, undo: null }
      }
      const not = tn('refused.some', answer.refused.length, { reason })
      return { text: before.length ? `${done(before.length)} ${not}` : not, failed: true, undo }
    })
  }

  function once(step: Step, text: string, back: (answer: { silence?: Silence }) => Step[]): Promise<boolean> {
    return guarded(async () => {
      const answer = await write<{ silence?: Silence }>(step.method, { args: step.args })
      return { text, failed: false, undo: undoing(back(answer ?? {})) }
    })
  }

  /** What a dialog asks for. The refusal is for the dialog alone: the notice would stand behind it. */
  async function asked(step: Step, text: string): Promise<string | null> {
    actions.busy = true
    actions.notice = null
    try {
      const answer = await write<{ silence?: Silence }>(step.method, { args: step.args })
      actions.notice = { text, failed: false, undo: undoing(ending(answer ?? {})) }
      return null
    } catch (error) {
      return t('action.failed', { reason: explain(error) })
    } finally {
      actions.busy = false
      // The dialog need not wait for the list.
      void refreshed()
    }
  }

  const ending = (answer: { silence?: Silence }): Step[] =>
    answer.silence ? [{ method: 'baken.end_silence', args: { id: answer.silence.id } }] : []

  const actions: Actions = shallowReactive({
    notice: null as Notice | null,
    busy: false,
    acknowledge(alerts: Alert[], note = '') {
      const fit = alerts.filter(canAcknowledge)
      const step = { method: 'baken.acknowledge_alerts', args: { alerts: listed(fit), note } }
      // That somebody has seen it cannot be undone: the ladder stopped, and the trail says so.
      return onAlerts(fit, step, (n) => tn('doneAlert.acknowledged', n), () => [])
    },
    resolve(alerts: Alert[], note = '') {
      const fit = alerts.filter(canResolve)
      const step = { method: 'baken.resolve_alerts', args: { alerts: listed(fit), note } }
      return onAlerts(fit, step, (n) => tn('doneAlert.resolved', n), reopening)
    },
    reopen(alerts: Alert[], note = '') {
      const fit = alerts.filter(canReopen)
      const step = { method: 'baken.reopen_alerts', args: { alerts: listed(fit), note } }
      return onAlerts(fit, step, (n) => tn('doneAlert.reopened', n), (before) => [{ method: 'baken.resolve_alerts', args: { alerts: listed(before) } }])
    },
    assign(alerts: Alert[], to: string, note = '') {
      const fit = alerts.filter((one) => one.may_act)
      const step = { method: 'baken.assign_alerts', args: { alerts: listed(fit), to, note } }
      const done = (n: number) => (to ? tn('doneAlert.assigned', n, { who: who(to) }) : tn('doneAlert.unassigned', n))
      return onAlerts(fit, step, done, (before) => restoring(before, 'baken.assign_alerts', 'to', (one) => one.assigned_to))
    },
    rate(alerts: Alert[], feedback: Feedback) {
      const fit = alerts.filter((one) => one.may_act)
      const step = { method: 'baken.rate_alerts', args: { alerts: listed(fit), feedback } }
      const done = (n: number) => (feedback ? tn(`doneAlert.${feedback}`, n) : tn('doneAlert.unrated', n))
      return onAlerts(fit, step, done, (before) => restoring(before, 'baken.rate_alerts', 'feedback', (one) => one.feedback))
    },
    comment(alert: Alert, text: string) {
      const step = { method: 'baken.comment_alert', args: { alert: String(alert.number), text } }
      return onAlerts([alert], step, () => t('doneAlert.commented'), () => [])
    },
    silence(given: NewSilence) {
      const { matchers, hours, starts, ends, comment } = given
      const args: Args = { matchers, comment }
      if (hours !== undefined) args['hours'] = hours
      if (starts) args['starts'] = starts
      if (ends) args['ends'] = ends
      return asked({ method: 'baken.add_silence', args }, t('doneSilence.added'))
    },
    maintain(given: NewMaintenance) {
      const { until, ...rest } = given
      const args: Args = { ...rest, days: given.days.join(',') }
      if (until) args['until'] = until
      return asked({ method: 'baken.add_maintenance', args }, t('doneSilence.planned'))
    },
    end(silence: Silence) {
      return once({ method: 'baken.end_silence', args: { id: silence.id } }, t('doneSilence.ended'), () => again(silence))
    },
    enable(channel: string) {
      return once({ method: 'baken.enable_channel', args: { channel } }, t('delivery.enabled', { channel }), () => [])
    },
    dismiss() {
      actions.notice = null
    },
  })
  return actions
}

/** The call that makes a silence like one that was ended; none for what held on all sites, which one site cannot make. */
function again(silence: Silence): Step[] {
  const { matchers, comment, recurrence, ends } = silence
  if (!silence.site) return []
  if (recurrence) {
    const args: Args = { matchers, days: recurrence.days.join(','), at: recurrence.at, minutes: recurrence.minutes, comment }
    return [{ method: 'baken.add_maintenance', args: ends ? { ...args, until: ends } : args }]
  }
  if (!ends) return []
  return [{ method: 'baken.add_silence', args: { matchers, comment, ends } }]
}
