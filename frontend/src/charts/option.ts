/** What the chart library is told: everything is worked out beforehand, it only draws. */
import type { EChartsCoreOption } from 'echarts/core'
import { FONT_SIZE, type Layout } from './layout'
import type { Look, Stroke } from './look'
import { aligned, broken } from './points'
import { barShapes, shapesBefore, shapesBehind, type Shape } from './shapes'
import type { Band, Kind, Line, Mark, Point, Window } from './types'

export interface Scene {
  layout: Layout
  look: Look
  lines: readonly Line[]
  /** How each of the lines is drawn. */
  strokes: readonly Stroke[]
  window: Window
  kind: Kind
  unit: string
  bands: readonly Band[]
  marks: readonly Mark[]
  limit: number | null
  /** "up" where more is welcome: what is wrong lies below the limit then. Null: neither side is. */
  good: string | null
  /** The length in time of a bar. */
  step?: number
}

/** Shapes in pixels as one item of a series of the library, cut off at the edges of the plot. */
function drawn(shapes: Shape[], z: number, anchor: [number, number], clip = true): Record<string, unknown> {
  return {
    type: 'custom',
    silent: true,
    animation: false,
    clip,
    z,
    data: [anchor],
    // Children of an earlier drawing would stay where there are none now.
    renderItem: () => ({ type: 'group', $mergeChildren: false, children: shapes.map((shape) => ({ ...shape, silent: true })) }),
  }
}

/** A point without a neighbour has no line to be seen by, so it gets a dot. */
function withDots(points: Point[]): (Point | { value: Point; symbol: string; symbolSize: number })[] {
  return points.map((point, i) => {
    const alone = point[1] !== null && (points[i - 1]?.[1] ?? null) === null && (points[i + 1]?.[1] ?? null) === null
    return alone ? { value: point, symbol: 'circle', symbolSize: 5 } : point
  })
}

/** One colour, or that of the theme for wrong on the wrong side of the limit. */
function strokeColour(colour: string, scene: Scene): unknown {
  const { limit, good, layout, look, lines } = scene
  if (limit === null || good === null || lines.length > 1) return colour
  const { plot } = layout
  const share = Math.min(1, Math.max(0, (layout.y(limit) - plot.top) / plot.height))
  const [above, below] = good === 'up' ? [colour, look.tones.critical] : [look.tones.critical, colour]
  const colorStops = [
    { offset: 0, color: above },
    { offset: share, color: above },
    { offset: share, color: below },
    { offset: 1, color: below },
  ]
  return { type: 'linear', global: true, x: 0, x2: 0, y: plot.top, y2: plot.top + plot.height, colorStops }
}

function lineSeries(scene: Scene): Record<string, unknown>[] {
  const { lines, look, kind, bands, strokes } = scene
  const plain = lines.filter((line) => !line.dashed)
  const level = kind === 'stack' ? aligned(plain) : plain
  let next = 0
  return lines.map((line, i) => {
    const stroke = strokes[i] ?? { colour: look.text, dash: 'solid' }
    const own = line.dashed ? line : (level[next++] ?? line)
    const stands = kind === 'stack' && !line.dashed
    const filled = !line.dashed && (kind === 'stack' || kind === 'area')
    return {
      type: 'line',
      name: line.name,
      silent: true,
      animation: false,
      z: line.dashed ? 3 : 4,
      // Stacked lines are drawn at the same moments, or one would not stand on the other.
      data: withDots(stands ? own.points : broken(own.points, bands)),
      symbol: 'none',
      showSymbol: true,
      connectNulls: false,
      stack: stands ? 'all' : undefined,
      emphasis: { disabled: true },
      lineStyle: {
        color: strokeColour(stroke.colour, scene),
        width: (line.dashed ? 1.25 : stands ? 1 : 1.75) + (look.strong ? 0.75 : 0),
        type: stroke.dash,
        cap: 'round',
        join: 'round',
      },
      itemStyle: { color: stroke.colour },
      areaStyle: filled ? { color: stroke.colour, opacity: stands ? 0.55 : 0.13 } : undefined,
    }
  })
}

export function optionOf(scene: Scene): EChartsCoreOption {
  const { layout, look, lines, kind, unit, window } = scene
  const { plot, scale } = layout
  const label = { color: look.muted, fontFamily: look.font, fontSize: FONT_SIZE }
  const colours = scene.strokes.map((stroke) => stroke.colour)
  const around = { layout, look, bands: scene.bands, marks: scene.marks, limit: scene.limit, good: scene.good, unit, colours }
  const anchor: [number, number] = [window.from, scale.low]
  const texts = new Map(layout.ticks.map((tick) => [tick.at, tick]))
  return {
    animation: false,
    backgroundColor: 'transparent',
    // Margins are worked out already; the library would shrink the plot once more.
    grid: { left: plot.left, top: plot.top, width: plot.width, height: plot.height, outerBoundsMode: 'none' },
    xAxis: {
      type: 'value',
      min: window.from,
      max: window.to,
      splitLine: { show: false },
      axisLine: { show: true, onZero: false, lineStyle: { color: look.muted, opacity: 0.6 } },
      axisTick: { show: true, length: 4, customValues: layout.ticks.map((tick) => tick.at), lineStyle: { color: look.muted, opacity: 0.6 } },
      axisLabel: {
        ...label,
        margin: 8,
        customValues: layout.ticks.map((tick) => tick.at),
        formatter: (at: number) => {
          const tick = texts.get(at)
          return tick?.major ? `{major|${tick.text}}` : (tick?.text ?? '')
        },
        rich: { major: { color: look.text, fontFamily: look.font, fontSize: FONT_SIZE, fontWeight: 600 } },
      },
    },
    yAxis: {
      type: 'value',
      min: scale.low,
      max: scale.high,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...label, margin: 8, customValues: scale.ticks, formatter: (value: number) => layout.figures[scale.ticks.indexOf(value)] ?? '' },
    },
    series: [
      drawn(gridShapes(layout, look), 0, anchor),
      drawn(shapesBehind(lines, around), 1, anchor),
      ...(kind === 'bars' ? [drawn(barShapes(lines, { layout, look, colours, step: scene.step ?? 0 }), 4, anchor)] : lineSeries(scene)),
      drawn(shapesBefore(around), 6, anchor),
    ],
  }
}

/** Thin lines at the round figures; the lowest is the axis itself. */
function gridShapes(layout: Layout, look: Look): Shape[] {
  const { plot, scale, y } = layout
  return scale.ticks
    .filter((tick) => tick > scale.low)
    .map((tick) => {
      // On a whole pixel, or the line is a blur of two.
      const at = Math.round(y(tick)) + 0.5
      return { type: 'line', shape: { x1: plot.left, x2: plot.left + plot.width, y1: at, y2: at }, style: { stroke: look.line, lineWidth: 1 } }
    })
}
