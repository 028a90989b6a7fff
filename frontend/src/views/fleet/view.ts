import { session } from '../../session'
import type { View } from '../../view'

export default {
  name: 'fleet',
  path: '/monitoring_dashboard/fleet',
  title: 'fleet.title',
  order: 5,
  icon: 'globe',
  listed: () => (session.value?.sites.length ?? 0) > 1,
  component: () => import('./FleetView.vue'),
} satisfies View
