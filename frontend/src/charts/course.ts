/** The geometry of a figure's course against its limit, in percent of the field; y grows downwards. */

export interface Scale {
  low: number
  high: number
  ticks: number[]
}

/** A round step that gives about `count` lines between two values. */
function roundStep(span: number, count: number): number {
  const raw = span / Math.max(1, count)
  const size = 10 ** Math.floor(Math.log10(raw))
  return ([1, 2, 2.5, 5, 10].find((one) => one * size >= raw) ?? 10) * size
}

/** Values with their limit in sight; from zero unless all of it happens far above. */
export function scaleOf(values: number[], limit: number | null, whole: boolean): Scale {
  const all = limit === null ? values : [...values, limit]
  const least = Math.min(...all)
  const most = Math.max(...all)
  const base = least >= 0 && least < most * 0.6 ? 0 : least
  const span = most - base || Math.abs(most) || 1
  const step = whole ? Math.max(1, roundStep(span, 3)) : roundStep(span, 3)
  const low = base === 0 ? 0 : Math.floor((least - span * 0.1) / step) * step
  const high = Math.ceil((most + span * 0.06) / step) * step
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => Number((low + i * step).toPrecision(12)))
  return { low, high, ticks }
}

export const heightOf = (value: number, scale: Scale) => 100 - ((value - scale.low) / (scale.high - scale.low)) * 100

/** A path that breaks where nothing was measured for much longer than usual: a gap is not a straight line. */
export function pathOf(points: [number, number | null][], x: (at: number) => number, y: (value: number) => number): string {
  const steps = points.slice(1).map(([at], i) => at - (points[i]?.[0] ?? at))
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? Infinity
  let broken = true
  return points
    .map(([at, value], i) => {
      if (value === null) {
        broken = true
        return ''
      }
      const begins = broken || (i > 0 && (steps[i - 1] ?? 0) > usual * 4)
      broken = false
      return `${begins ? 'M' : 'L'}${x(at).toFixed(2)} ${y(value).toFixed(2)}`
    })
    .join('')
}
