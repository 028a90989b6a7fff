/** How high a panel begins, in rows of the grid: so high that all it shows is seen. */
import { metricCounts, metricUnit } from '../catalogue'
import type { Kind, Shown } from './body'
import { MOST_HEIGHT } from './layout'
import { matrixOf } from './matrix'
import { amountOf, type MetricNow } from './now'

/** A row of the grid and the gap below it, in rem. */
export const ROW = 2.75
export const GAP = 0.75
export const heightOf = (rows: number): number => rows * ROW + Math.max(0, rows - 1) * GAP

/** The size with which a panel begins that shows little. */
export const SIZES: Record<Kind, { w: number; h: number }> = {
  chart: { w: 6, h: 5 },
  figure: { w: 3, h: 3 },
  table: { w: 4, h: 5 },
  alerts: { w: 6, h: 5 },
  errors: { w: 6, h: 5 },
  text: { w: 4, h: 3 },
}

/** Each further unit of a chart has a drawing of its own, with its title and legend. */
const ROWS_PER_CHART = 5
/** In rem: a line of a table, the title above those of one metric, and what stands around them all in a panel. */
const LINE = 2
const HEAD = 2.15
const AROUND = 5.75
/** Higher than this a table does not begin by itself: it would fill the screen. */
const MOST_TABLE = 12

const rowsFor = (rem: number) => Math.ceil((rem + GAP) / (ROW + GAP))

/** Metrics of one unit share a drawing, unless one is told by how fast it grows. */
const chartsOf = (metrics: readonly Shown[]) => new Set(metrics.map(({ metric }) => `${metricUnit(metric)} ${metricCounts(metric)}`)).size

/** The height for these metrics; of a table by its figures where they are known. */
export function heightFor(kind: Kind, metrics: readonly Shown[], figures: readonly MetricNow[] | null = null): number {
  const { h } = SIZES[kind]
  if (kind === 'chart') return Math.min(MOST_HEIGHT, h + ROWS_PER_CHART * Math.max(0, chartsOf(metrics) - 1))
  if (kind !== 'table' || !figures) return h
  const matrix = matrixOf(metrics, figures)
  const lines = metrics.map((one) => {
    const now = figures.find((each) => each.metric === one.metric)
    return Math.max(1, now ? amountOf(now, one).each.length : 0)
  })
  const inside = matrix ? matrix.rows.length * LINE + 1.6 * HEAD : lines.reduce((sum, n) => sum + n * LINE + (lines.length > 1 && n > 1 ? HEAD : 0), 0)
  return Math.min(MOST_TABLE, Math.max(h, rowsFor(inside + AROUND)))
}
