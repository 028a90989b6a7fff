import type { View } from '../../view'

export default {
  name: 'alert',
  path: '/monitoring_dashboard/alerts/:number',
  title: 'alert.title',
  component: () => import('./AlertView.vue'),
} satisfies View
