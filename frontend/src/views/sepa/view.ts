import type { View } from '../../view'

export default {
  name: 'sepa',
  path: '/monitoring_dashboard/sepa',
  title: 'sepa.title',
  order: 60,
  icon: 'bank',
  component: () => import('./SepaView.vue'),
} satisfies View
