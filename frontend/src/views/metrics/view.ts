import type { View } from '../../view'

export default {
  name: 'metrics',
  path: '/monitoring_dashboard/metrics',
  title: 'metrics.title',
  order: 90,
  component: () => import('./MetricsView.vue'),
} satisfies View
