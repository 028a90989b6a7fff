import type { View } from '../../view'

export default {
  name: 'error-pattern',
  path: '/monitoring_dashboard/errors/:pattern',
  title: 'pattern.title',
  component: () => import('./ErrorPatternView.vue'),
} satisfies View
