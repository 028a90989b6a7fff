/** What was typed and not saved yet: whoever leaves is asked first. */
import { computed, onBeforeUnmount, reactive, watch } from 'vue'

const places = reactive(new Set<symbol>())

export const unsaved = computed(() => places.size > 0)

/** A form that may hold something unsaved; it is forgotten with the form. */
export function useUnsaved(holds: () => boolean): void {
  const mine = Symbol('form')
  watch(holds, (now) => (now ? places.add(mine) : places.delete(mine)), { immediate: true })
  onBeforeUnmount(() => places.delete(mine))
}
