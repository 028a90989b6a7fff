import type { View } from '../../view'

export default {
  name: 'heartbeats',
  path: '/monitoring_dashboard/heartbeats',
  title: 'heartbeats.title',
  order: 45,
  icon: 'heart',
  component: () => import('./HeartbeatsView.vue'),
} satisfies View
