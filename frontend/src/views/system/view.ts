import type { View } from '../../view'

export default {
  name: 'system',
  path: '/monitoring_dashboard/system',
  title: 'system.title',
  order: 40,
  icon: 'server',
  component: () => import('./SystemView.vue'),
} satisfies View
