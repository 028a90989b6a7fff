import type { View } from '../../view'

export default {
  name: 'members',
  path: '/monitoring_dashboard/members',
  title: 'members.title',
  order: 50,
  icon: 'people',
  component: () => import('./MembersView.vue'),
} satisfies View
