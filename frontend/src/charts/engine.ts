/** The chart library, as far as it is used. Its own chunk: it is fetched when the first chart comes near. */
import { CustomChart, LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { init, use, type EChartsCoreOption } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([CustomChart, LineChart, GridComponent, CanvasRenderer])

export interface Drawing {
  show: (option: EChartsCoreOption, size: { width: number; height: number }) => void
  /** What is shown, on a canvas of its own with `ratio` pixels per pixel. */
  picture: (ratio: number) => HTMLCanvasElement
  dispose: () => void
}

export function draw(element: HTMLElement): Drawing {
  const chart = init(element, null, { renderer: 'canvas', width: Math.max(1, element.clientWidth), height: Math.max(1, element.clientHeight) })
  return {
    show(option, size) {
      if (chart.getWidth() !== size.width || chart.getHeight() !== size.height) chart.resize({ ...size, silent: true })
      chart.setOption(option, { notMerge: true, silent: true })
    },
    picture: (ratio) => chart.renderToCanvas({ pixelRatio: ratio }),
    dispose: () => chart.dispose(),
  }
}
