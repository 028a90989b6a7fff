/** What is drawn behind and before the lines of a chart, as shapes in pixels. */
import { formatFigure } from '../format'
import { t } from '../i18n'
import type { Layout } from './layout'
import type { Look } from './look'
import { aligned } from './points'
import type { Band, Line, Mark, Spread } from './types'

export interface Shape {
  type: 'rect' | 'polygon' | 'path' | 'line' | 'text'
  shape?: Record<string, unknown>
  style: Record<string, unknown>
  x?: number
  y?: number
}

/** A stretch of the plot in pixels; null when it lies outside. At least a pixel and a half wide, so that it is seen. */
export function stretchOf(layout: Layout, start: number, end: number): { x: number; width: number } | null {
  const { plot, x } = layout
  const left = Math.max(plot.left, x(start))
  const right = Math.min(plot.left + plot.width, x(end))
  if (right < plot.left || left > plot.left + plot.width) return null
  return { x: left, width: Math.max(1.5, right - left) }
}

const HATCH = 7

/** Slanted strokes that fill a rectangle and stay in it, as path data. */
export function hatch(box: { x: number; y: number; width: number; height: number }, every = HATCH): string {
  const strokes: string[] = []
  const { x, y, width, height } = box
  // Strokes are anchored to the page and not to the rectangle: they stand still while a stretch grows.
  for (let c = Math.ceil((x + y) / every) * every; c < x + y + width + height; c += every) {
    const left = Math.max(x, c - y - height)
    const right = Math.min(x + width, c - y)
    if (right > left) strokes.push(`M${left.toFixed(1)} ${(c - left).toFixed(1)}L${right.toFixed(1)} ${(c - right).toFixed(1)}`)
  }
  return strokes.join('')
}

/** Areas between a lowest and a highest figure; each stretch without a gap is one. */
export function spreadShapes(spread: readonly Spread[], layout: Layout, style: Record<string, unknown>): Shape[] {
  const stretches: [number, number, number][][] = []
  let open: [number, number, number][] | null = null
  for (const [at, low, high] of spread) {
    if (low === null || high === null) open = null
    else if (open) open.push([at, low, high])
    else stretches.push((open = [[at, low, high]]))
  }
  return stretches
    .filter((stretch) => stretch.length > 1)
    .map((stretch) => ({
      type: 'polygon',
      shape: { points: [...stretch.map(([at, , high]) => [layout.x(at), layout.y(high)]), ...stretch.toReversed().map(([at, low]) => [layout.x(at), layout.y(low)])] },
      style,
    }))
}

export interface Around {
  layout: Layout
  look: Look
  bands: readonly Band[]
  marks: readonly Mark[]
  limit: number | null
  good: string | null
  unit: string
  colours: string[]
}

/** Gaps, incidents, unusual stretches, the wrong side of the limit, and what is usual: behind the lines. */
export function shapesBehind(lines: readonly Line[], around: Around): Shape[] {
  const { layout, look, bands, marks, limit, good } = around
  const { plot } = layout
  const found: Shape[] = []
  const full = (start: number, end: number) => {
    const stretch = stretchOf(layout, start, end)
    return stretch && { ...stretch, y: plot.top, height: plot.height }
  }
  if (limit !== null && good !== null) {
    const at = Math.min(plot.top + plot.height, Math.max(plot.top, layout.y(limit)))
    const [y, height] = good === 'up' ? [at, plot.top + plot.height - at] : [plot.top, at - plot.top]
    found.push({ type: 'rect', shape: { x: plot.left, width: plot.width, y, height }, style: { fill: look.soft.critical, opacity: 0.6 } })
  }
  for (const mark of marks) {
    if (mark.end === undefined) continue
    const box = full(mark.at, mark.end ?? Infinity)
    if (box) found.push({ type: 'rect', shape: box, style: { fill: look.tones[mark.tone], opacity: look.strong ? 0.16 : 0.09 } })
  }
  for (const band of bands) {
    const box = full(band.start, band.end)
    if (!box) continue
    if (band.kind === 'gap') {
      found.push({ type: 'rect', shape: box, style: { fill: look.sunken } })
      found.push({ type: 'line', shape: { x1: box.x, x2: box.x, y1: box.y, y2: box.y + box.height }, style: { stroke: look.muted, lineWidth: 1, lineDash: [2, 3], opacity: 0.7 } })
      found.push({ type: 'line', shape: { x1: box.x + box.width, x2: box.x + box.width, y1: box.y, y2: box.y + box.height }, style: { stroke: look.muted, lineWidth: 1, lineDash: [2, 3], opacity: 0.7 } })
    } else {
      const wide = { ...box, width: Math.max(4, box.width) }
      found.push({ type: 'path', shape: { pathData: hatch(wide) }, style: { stroke: look.tones.attention, lineWidth: 1, fill: 'none', opacity: look.strong ? 0.9 : 0.45 } })
      found.push({ type: 'rect', shape: { x: wide.x, y: plot.top, width: wide.width, height: 2 }, style: { fill: look.tones.attention } })
    }
  }
  lines.forEach((line, i) => {
    const colour = around.colours[i] ?? look.text
    if (line.usual) found.push(...spreadShapes(line.usual, layout, { fill: look.tones.muted, opacity: look.strong ? 0.28 : 0.14 }))
    if (line.range) found.push(...spreadShapes(line.range, layout, { fill: colour, opacity: look.strong ? 0.4 : 0.2 }))
  })
  return found
}

/** The least height of a bar that counts something, and the least width of one between gaps. */
const LEAST = 2
const ROOMY = 6

/** Bars from the moment at which what they count begins, for `step` milliseconds; each stands on the one before it. */
export function barShapes(lines: readonly Line[], { layout, look, colours, step }: { layout: Layout; look: Look; colours: readonly string[]; step: number }): Shape[] {
  const level = aligned(lines)
  const found: Shape[] = []
  level[0]?.points.forEach(([at], i) => {
    const begin = layout.x(at)
    const room = layout.x(at + step) - begin
    const width = Math.max(1, room > ROOMY ? room * 0.78 : room * 0.9)
    const x = begin + (room - width) / 2
    let sum = 0
    level.forEach((line, k) => {
      const value = line.points[i]?.[1] ?? null
      if (!value) return
      const bottom = layout.y(sum)
      sum += value
      const height = level.length > 1 ? Math.max(1, bottom - layout.y(sum)) : Math.max(LEAST, bottom - layout.y(sum))
      const top = level.slice(k + 1).every((later) => !later.points[i]?.[1])
      found.push({
        type: 'rect',
        shape: { x, y: bottom - height, width, height, r: top && width > ROOMY ? [2, 2, 0, 0] : 0 },
        // A seam of the ground parts what stands on one another.
        style: { fill: colours[k] ?? look.text, stroke: level.length > 1 && width > 4 ? look.surface : undefined, lineWidth: level.length > 1 && width > 4 ? 1 : 0 },
      })
    })
  })
  return found
}

/** The limit with its name and the moments that matter: before the lines. */
export function shapesBefore(around: Around): Shape[] {
  const { layout, look, marks, limit, unit } = around
  const { plot } = layout
  const right = plot.left + plot.width
  const found: Shape[] = marks.flatMap((mark): Shape[] => {
    const x = layout.x(mark.at)
    if (x < plot.left - 0.5 || x > right + 0.5) return []
    const style = { stroke: look.tones[mark.tone], lineWidth: look.strong ? 2 : 1, lineDash: mark.end === undefined ? [3, 3] : undefined, opacity: 0.9 }
    return [{ type: 'line', shape: { x1: x, x2: x, y1: plot.top, y2: plot.top + plot.height }, style }]
  })
  if (limit !== null) {
    const y = layout.y(limit)
    const under = y - plot.top < 18
    found.push(
      { type: 'line', shape: { x1: plot.left, x2: right, y1: y, y2: y }, style: { stroke: look.tones.critical, lineWidth: look.strong ? 2 : 1.25, lineDash: [6, 4] } },
      {
        type: 'text',
        x: right - 2,
        y: under ? y + 4 : y - 4,
        style: {
          text: t('chart.limit', { limit: formatFigure(limit, unit) }),
          align: 'right',
          verticalAlign: under ? 'top' : 'bottom',
          fill: look.tones.critical,
          font: `600 12px ${look.font}`,
          stroke: look.surface,
          lineWidth: 3,
        },
      },
    )
  }
  return found
}
