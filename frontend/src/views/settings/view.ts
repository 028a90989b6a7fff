import type { View } from '../../view'

export default {
  name: 'settings',
  path: '/monitoring_dashboard/settings',
  title: 'setup.title',
  order: 90,
  icon: 'gear',
  component: () => import('./SettingsView.vue'),
} satisfies View
