import type { View } from '../../view'

export default {
  name: 'dashboards',
  path: '/monitoring_dashboard/dashboards',
  title: 'dashboards.title',
  order: 75,
  icon: 'grid',
  component: () => import('./DashboardsView.vue'),
} satisfies View
