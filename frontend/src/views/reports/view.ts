import type { View } from '../../view'

export default {
  name: 'reports',
  path: '/monitoring_dashboard/reports',
  title: 'reports.title',
  order: 80,
  icon: 'report',
  component: () => import('./ReportsView.vue'),
} satisfies View
