import type { View } from '../../view'

export default {
  name: 'dashboard',
  path: '/monitoring_dashboard',
  title: 'overview.title',
  order: 10,
  icon: 'gauge',
  component: () => import('./DashboardView.vue'),
} satisfies View
