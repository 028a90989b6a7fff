import type { View } from '../../view'

export default {
  name: 'alerts',
  path: '/monitoring_dashboard/alerts',
  title: 'alerts.view',
  order: 20,
  icon: 'bell',
  component: () => import('./AlertsView.vue'),
} satisfies View
