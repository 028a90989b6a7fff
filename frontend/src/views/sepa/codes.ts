/** The reason codes with which banks return a direct debit (EPC173-14), and what follows from each. */
import { t } from '../../i18n'

/** Those whose meaning and advice stand in the message files. */
export const CODES = [
  'AC01', 'AC04', 'AC06', 'AC13', 'AG01', 'AG02', 'AM04', 'AM05', 'BE05', 'CNOR', 'CURR', 'DNOR', 'DT01', 'ED05', 'FF01', 'FF05', 'FOCR',
  'MD01', 'MD02', 'MD06', 'MD07', 'MS02', 'MS03', 'RC01', 'RR01', 'RR02', 'RR03', 'RR04', 'SL01', 'TM01',
] as const

/** Another attempt is of use only after something has changed. */
const FINAL = new Set(['AC01', 'AC04', 'AC06', 'AC13', 'AG01', 'BE05', 'MD01', 'MD07', 'MS02', 'RC01', 'SL01'])

export interface Meaning {
  code: string
  meaning: string
  todo: string
  /** Do not simply try again. */
  final: boolean
}

export function meaningOf(code: string): Meaning {
  const known = CODES.find((one) => one === code.trim().toUpperCase())
  if (known) return { code: known, meaning: t(`sepa.code.${known}`), todo: t(`sepa.todo.${known}`), final: FINAL.has(known) }
  if (code === 'none given') return { code: '', meaning: t('sepa.code.none'), todo: t('sepa.todo.none'), final: false }
  return { code, meaning: t('sepa.code.unknown'), todo: t('sepa.todo.unknown'), final: false }
}
