/** What a silence can be about, asked when its dialog opens; without it the dialog works, but foretells nothing. */
import { onMounted, shallowReactive } from 'vue'
import { read } from '../../api/client'
import type { Alert, RulesAnswer } from '../../api/alerts'

export interface Choices {
  /** Null until it is known. */
  open: Alert[] | null
  rules: string[]
}

export function useChoices(withRules: boolean): Choices {
  const choices = shallowReactive<Choices>({ open: null, rules: [] })
  onMounted(async () => {
    const [open, rules] = await Promise.allSettled([
      read<Alert[]>('verenigingen.www.monitoring_dashboard.get_active_alerts'),
      withRules ? read<RulesAnswer>('baken.get_alert_rules') : null,
    ])
    if (open.status === 'fulfilled') choices.open = open.value.filter((one) => one.source === 'baken')
    if (rules.status === 'fulfilled' && rules.value) choices.rules = rules.value.rules.map((one) => one.name)
  })
  return choices
}
