/** Figures as charts tell them: exact where one is pointed at, and told apart along an axis. */
import { formatFigure } from '../format'
import { locale } from '../i18n'

const percent = (value: number, digits: number) => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits }).format(value)

/** A figure with more digits than beside a title: there it is glanced at, here it is looked up. */
export function exactFigure(value: number, unit: string): string {
  if (unit.toLowerCase() === 'ratio') return percent(value, 2)
  return formatFigure(value, unit)
}

/** The round figures of an axis, with as many digits as it takes to tell them apart and to say none wrongly. */
export function axisFigures(ticks: readonly number[], unit: string): string[] {
  const ratio = unit.toLowerCase() === 'ratio'
  const plain = ticks.map((tick) => formatFigure(tick, unit))
  const exact = !ratio || ticks.every((tick) => Math.abs(tick * 100 - Math.round(tick * 100)) < 1e-6)
  if (exact && new Set(plain).size === plain.length) return plain
  for (let digits = 1; digits <= 6; digits += 1) {
    const size = 10 ** digits * (ratio ? 100 : 10)
    const finer = ticks.map((tick) => (ratio ? percent(tick, digits) : new Intl.NumberFormat(locale(), { maximumFractionDigits: digits + 1 }).format(tick)))
    if (new Set(finer).size === finer.length && ticks.every((tick) => Math.abs(tick * size - Math.round(tick * size)) < 1e-6)) return finer
  }
  return plain
}
