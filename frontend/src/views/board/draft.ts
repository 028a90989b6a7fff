/** A dashboard that is being changed: what it is now, each step back, and whether it differs from what was saved. */
import { computed, ref, shallowRef, type ComputedRef, type Ref } from 'vue'
import type { Panel } from '../../panels/body'
import { compact } from '../../panels/layout'

const MOST_STEPS = 100

export interface Draft {
  title: Ref<string>
  panels: Readonly<Ref<Panel[]>>
  changed: ComputedRef<boolean>
  canUndo: ComputedRef<boolean>
  /** Begins anew with what is saved. */
  reset: (title: string, panels: readonly Panel[]) => void
  /** One step: the panels as they are from now on. */
  put: (panels: readonly Panel[]) => void
  undo: () => void
}

const plain = (panels: readonly Panel[]): Panel[] => JSON.parse(JSON.stringify(panels)) as Panel[]

export function useDraft(): Draft {
  const title = ref('')
  const panels = shallowRef<Panel[]>([])
  const steps = shallowRef<Panel[][]>([])
  const saved = ref('')

  const state = () => JSON.stringify([title.value.trim(), panels.value])
  return {
    title,
    panels,
    changed: computed(() => state() !== saved.value),
    canUndo: computed(() => steps.value.length > 0),
    reset(name, given) {
      title.value = name
      panels.value = plain(given)
      steps.value = []
      saved.value = state()
    },
    put(next) {
      steps.value = [...steps.value, panels.value].slice(-MOST_STEPS)
      panels.value = compact(next)
    },
    undo() {
      const last = steps.value.at(-1)
      if (!last) return
      steps.value = steps.value.slice(0, -1)
      panels.value = last
    },
  }
}
