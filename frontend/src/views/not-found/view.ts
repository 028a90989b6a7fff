import type { View } from '../../view'

export default {
  name: 'not-found',
  path: '/:rest(.*)*',
  title: 'notFound.title',
  component: () => import('./NotFoundView.vue'),
} satisfies View
