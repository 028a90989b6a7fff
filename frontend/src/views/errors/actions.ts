/** What can be done with patterns, each with its way back. */
import { shallowReactive } from 'vue'
import { write } from '../../api/client'
import type { Pattern, PatternsChanged } from '../../api/types'
import { explain } from '../../part'
import { t, tn } from '../../i18n'
import type { Notice, Noticed } from '../../notice'

export type Settled = 'known' | 'muted' | 'resolved' | 'open'
export type SplitBy = 'message' | 'title' | 'caller' | 'none'
/** Hours that a mute lasts; 0: until it escalates. */
export const MUTES = [0, 1, 24, 168] as const

interface Step {
  method: string
  args: Record<string, string | number>
}

export interface Actions extends Noticed {
  settle: (patterns: Pattern[], state: Settled, given?: { note?: string; hours?: number }) => Promise<boolean>
  merge: (patterns: Pattern[], into: string) => Promise<boolean>
  separate: (pattern: string, from: string) => Promise<boolean>
  split: (pattern: Pattern, by: SplitBy) => Promise<boolean>
}

const HOUR_MS = 3_600_000

/** The calls that bring patterns back to the state they were in. One call per state, note and mute. */
export function restoring(before: Pattern[], nowMs: number): Step[] {
  const steps = new Map<string, { ids: string[]; args: Record<string, string | number> }>()
  for (const pattern of before) {
    const until = pattern.muted_until ? Date.parse(pattern.muted_until) : NaN
    const hours = pattern.state === 'muted' && !Number.isNaN(until) ? Math.max(1, Math.ceil((until - nowMs) / HOUR_MS)) : 0
    // That a pattern came back is found by the collector; a person can only open it.
    const state = pattern.state === 'regressed' ? 'open' : pattern.state
    const args = { state, note: pattern.note ?? '', hours, above: state === 'muted' ? (pattern.muted_above ?? 0) : 0 }
    const key = JSON.stringify(args)
    const known = steps.get(key)
    if (known) known.ids.push(pattern.pattern)
    else steps.set(key, { ids: [pattern.pattern], args })
  }
  return [...steps.values()].map(({ ids, args }) => ({
    method: 'baken.set_error_state',
    args: { patterns: ids.join(','), ...args },
  }))
}

/** `changed` is called after each action and each undo. */
export function useActions(changed: () => Promise<void>): Actions {
  async function run(steps: Step[], text: string, back: Step[]): Promise<boolean> {
    if (actions.busy) return false
    actions.busy = true
    actions.notice = null
    try {
      for (const step of steps) await write<PatternsChanged>(step.method, { args: step.args })
      actions.notice = { text, failed: false, undo: back.length ? () => revert(back) : null }
      return true
    } catch (error) {
      actions.notice = { text: t('action.failed', { reason: explain(error) }), failed: true, undo: null }
      return false
    } finally {
      actions.busy = false
      await refreshed()
    }
  }

  async function revert(back: Step[]): Promise<void> {
    await run(back, t('action.undone'), [])
  }

  /** The action was done whether or not the list can be read afterwards; the refresh loop tells of an outage. */
  async function refreshed(): Promise<void> {
    try {
      await changed()
    } catch {
      return
    }
  }

  const actions: Actions = shallowReactive({
    notice: null as Notice | null,
    busy: false,
    settle(patterns: Pattern[], state: Settled, given: { note?: string; hours?: number } = {}) {
      const args: Step['args'] = { patterns: patterns.map((one) => one.pattern).join(','), state }
      if (given.note !== undefined) args['note'] = given.note
      if (state === 'muted') args['hours'] = given.hours ?? 0
      const text = tn(`done.${state}`, patterns.length)
      return run([{ method: 'baken.set_error_state', args }], text, restoring(patterns, Date.now()))
    },
    merge(patterns: Pattern[], into: string) {
      const others = patterns.map((one) => one.pattern).filter((id) => id !== into)
      const back = others.map((pattern) => ({ method: 'baken.separate_error_pattern', args: { pattern } }))
      const args = { patterns: others.join(','), into }
      return run([{ method: 'baken.merge_error_patterns', args }], tn('done.merged', others.length), back)
    },
    separate(pattern: string, from: string) {
      const back = [{ method: 'baken.merge_error_patterns', args: { patterns: pattern, into: from } }]
      return run([{ method: 'baken.separate_error_pattern', args: { pattern } }], t('done.separated'), back)
    },
    split(pattern: Pattern, by: SplitBy) {
      const method = 'baken.split_error_pattern'
      const back = { method, args: { pattern: pattern.pattern, by: pattern.split_by ?? 'none' } }
      return run([{ method, args: { pattern: pattern.pattern, by } }], t(by === 'none' ? 'done.unsplit' : 'done.split'), [back])
    },
    dismiss() {
      actions.notice = null
    },
  })
  return actions
}
