import type { View } from '../../view'

export default {
  name: 'errors',
  path: '/monitoring_dashboard/errors',
  title: 'patterns.title',
  order: 30,
  icon: 'bug',
  component: () => import('./ErrorsView.vue'),
} satisfies View
