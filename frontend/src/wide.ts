/** How wide the page is, for what cannot be laid out by CSS alone: the order of the parts, what is folded away. */
import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** Whether a media query holds, as it changes. To be called in a component's setup. */
export function useMedia(query: string): Readonly<Ref<boolean>> {
  const media = matchMedia(query)
  const holds = ref(media.matches)
  const follow = (event: MediaQueryListEvent) => (holds.value = event.matches)
  media.addEventListener('change', follow)
  onScopeDispose(() => media.removeEventListener('change', follow))
  return readonly(holds)
}
