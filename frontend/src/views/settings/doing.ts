/** Saving what a form says: what is wrong stands at its field, what was done in the notice bar. */
import { nextTick, shallowReactive } from 'vue'
import { write } from '../../api/client'
import { t } from '../../i18n'
import type { Notice, Noticed } from '../../notice'
import { explain } from '../../part'
import { reason } from '../../reasons'
import type { Problem, Saved } from './answers'

export interface Doing extends Noticed {
  tell: (text: string, undo?: () => Promise<void>) => void
  fail: (text: string) => void
  /** Calls a method that changes something; null and a notice when it was refused. */
  run: <T>(method: string, args: Record<string, string | number | boolean>, timeout?: number) => Promise<T | null>
}

export function useDoing(): Doing {
  const doing: Doing = shallowReactive({
    notice: null as Notice | null,
    busy: false,
    dismiss() {
      doing.notice = null
    },
    tell(text: string, undo?: () => Promise<void>) {
      doing.notice = { text, failed: false, undo: undo ?? null }
    },
    fail(text: string) {
      doing.notice = { text, failed: true, undo: null }
    },
    async run<T>(method: string, args: Record<string, string | number | boolean>, timeout?: number): Promise<T | null> {
      doing.busy = true
      doing.notice = null
      try {
        return await write<T>(method, timeout ? { args, timeout } : { args })
      } catch (error) {
        doing.fail(t('action.failed', { reason: reason(explain(error)) }))
        return null
      } finally {
        doing.busy = false
      }
    },
  })
  return doing
}

const LIMITS = ['above', 'at_least', 'below', 'at_most']

export interface Form {
  busy: boolean
  problems: Problem[]
  /** What is wrong with a field; '' for the form as a whole. */
  of: (field: string) => string
  /** Takes over what the page itself found wrong; whether that is nothing. */
  fits: (problems: Problem[]) => boolean
  /** Whether it was saved; otherwise the problems tell why. */
  send: (method: string, args: Record<string, string | number | boolean>) => Promise<boolean>
}

/** A form whose refusals belong to fields. The first wrong field gets the focus. */
export function useForm(root: () => HTMLElement | null): Form {
  const show = () => void nextTick(() => root()?.querySelector<HTMLElement>('[aria-invalid="true"], [role="alert"]')?.focus())
  const form: Form = shallowReactive({
    busy: false,
    problems: [] as Problem[],
    of(field: string) {
      const own = form.problems.filter((one) => one.field === field || (field === 'limit' && LIMITS.includes(one.field)))
      return own.map((one) => reason(one.text)).join('; ')
    },
    fits(problems: Problem[]) {
      form.problems = problems
      if (problems.length) show()
      return !problems.length
    },
    async send(method: string, args: Record<string, string | number | boolean>) {
      form.busy = true
      form.problems = []
      try {
        const answer = await write<Saved>(method, { args })
        form.problems = answer.problems
        return answer.saved
      } catch (error) {
        form.problems = [{ field: '', text: explain(error) }]
        return false
      } finally {
        form.busy = false
        if (form.problems.length) show()
      }
    },
  })
  return form
}
