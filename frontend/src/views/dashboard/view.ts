import type { View } from '../../view'

export default {
  name: 'dashboard',
  path: '/monitoring_dashboard',
  title: 'dashboard.title',
  order: 1,
  component: () => import('./DashboardView.vue'),
} satisfies View
