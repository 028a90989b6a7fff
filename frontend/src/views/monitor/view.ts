import type { View } from '../../view'

export default {
  name: 'monitor',
  path: '/monitoring_dashboard/monitor',
  title: 'monitorPage.title',
  order: 85,
  icon: 'pulse',
  component: () => import('./MonitorView.vue'),
} satisfies View
