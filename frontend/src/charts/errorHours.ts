/** Stacked bars: errors per hour and pattern. Its own chunk, because the chart library is large. */
import { BarChart } from 'echarts/charts'
import { GridComponent, TooltipComponent } from 'echarts/components'
import { init, use, type ECharts } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { Stack } from './stack'

use([BarChart, GridComponent, TooltipComponent, CanvasRenderer])

export interface Look {
  text: string
  muted: string
  line: string
  surface: string
  colours: string[]
}

export interface ErrorHours {
  show: (stacks: Stack[], hours: string[], look: Look) => void
  dispose: () => void
}

export function drawErrorHours(element: HTMLElement): ErrorHours {
  const chart: ECharts = init(element, null, { renderer: 'canvas' })
  const watcher = new ResizeObserver(() => chart.resize())
  watcher.observe(element)
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches
  const font = getComputedStyle(document.body).fontFamily

  function show(stacks: Stack[], hours: string[], look: Look): void {
    const label = { color: look.muted, fontFamily: font, fontSize: 11 }
    chart.setOption(
      {
        animation: !still,
        animationDuration: 250,
        grid: { left: 4, right: 4, top: 8, bottom: 0, containLabel: true },
        tooltip: {
          trigger: 'axis',
          // Text drawn on the canvas: the page's policy allows no style attributes, which HTML tooltips need.
          renderMode: 'richText',
          axisPointer: { type: 'shadow' },
          confine: true,
          backgroundColor: look.surface,
          borderColor: look.line,
          textStyle: { color: look.text, fontFamily: font, fontSize: 12 },
          formatter: (items: unknown) => {
            const shown = (items as { dataIndex: number; seriesIndex: number; value: number; axisValue: string }[])
              .filter((item) => item.value > 0)
              .map((item) => `${item.value} × ${stacks[item.seriesIndex]?.name ?? ''}`)
            const first = (items as { axisValue: string }[])[0]
            return [first?.axisValue ?? '', ...shown].join('\n')
          },
        },
        xAxis: {
          type: 'category',
          data: hours,
          axisLabel: { ...label, hideOverlap: true },
          axisTick: { show: false },
          axisLine: { lineStyle: { color: look.line } },
        },
        yAxis: {
          type: 'value',
          minInterval: 1,
          axisLabel: label,
          splitNumber: 3,
          splitLine: { lineStyle: { color: look.line } },
        },
        series: stacks.map((stack, i) => ({
          type: 'bar',
          name: stack.name,
          stack: 'errors',
          data: stack.counts,
          barCategoryGap: '22%',
          itemStyle: { color: look.colours[i], borderColor: look.surface, borderWidth: 0.5 },
          emphasis: { disabled: true },
        })),
      },
      { notMerge: true },
    )
  }

  return {
    show,
    dispose: () => {
      watcher.disconnect()
      chart.dispose()
    },
  }
}
