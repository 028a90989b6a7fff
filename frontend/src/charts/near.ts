/** Whether an element has come near the part of the page that is in sight; once it has, it stays so. */
import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

export function useNear(element: Ref<HTMLElement | null>, margin = '300px'): Ref<boolean> {
  const near = ref(false)
  let observer: IntersectionObserver | undefined
  onMounted(() => {
    if (typeof IntersectionObserver === 'undefined' || !element.value) {
      near.value = true
      return
    }
    observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return
        observer?.disconnect()
        near.value = true
      },
      { rootMargin: margin },
    )
    observer.observe(element.value)
  })
  onBeforeUnmount(() => observer?.disconnect())
  return near
}
