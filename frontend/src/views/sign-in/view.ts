import type { View } from '../../view'

export default {
  name: 'sign-in',
  path: '/login',
  title: 'signIn.title',
  public: true,
  component: () => import('./SignInView.vue'),
} satisfies View
