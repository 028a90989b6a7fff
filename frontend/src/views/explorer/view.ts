import type { View } from '../../view'

export default {
  name: 'explorer',
  path: '/monitoring_dashboard/explorer',
  title: 'explorer.title',
  order: 70,
  icon: 'search',
  component: () => import('./ExplorerView.vue'),
} satisfies View
