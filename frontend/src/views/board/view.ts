import type { View } from '../../view'

export default {
  name: 'board',
  path: '/monitoring_dashboard/dashboards/:dashboard',
  title: 'board.title',
  component: () => import('./BoardView.vue'),
} satisfies View
