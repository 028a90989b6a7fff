import type { View } from '../../view'

export default {
  name: 'alerts',
  path: '/monitoring_dashboard/alerts',
  title: 'alerts.view',
  order: 5,
  component: () => import('./AlertsView.vue'),
} satisfies View
