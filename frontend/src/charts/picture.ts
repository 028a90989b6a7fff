/** A chart as a picture to show to others: with its title, its span and its legend, on a ground of its own. */
import type { Look, Stroke } from './look'

export const RATIO = 2
const EDGE = 20
const TITLE = 17
const SMALL = 12

export interface Caption {
  title: string
  /** The site, the span, the unit. */
  detail: string
  legend: { name: string; stroke: Stroke; filled: boolean }[]
}

/** Rows of a legend that fit a width: for each entry its place. */
export function legendRows(widths: number[], room: number, gap = 18): { x: number; row: number }[] {
  let x = 0
  let row = 0
  return widths.map((width) => {
    if (x > 0 && x + width > room) {
      x = 0
      row += 1
    }
    const place = { x, row }
    x += width + gap
    return place
  })
}

/** The chart's canvas (with RATIO pixels per pixel) below its caption. Rejects when the browser cannot make a picture. */
export async function pictureOf(chart: HTMLCanvasElement, caption: Caption, look: Look): Promise<Blob> {
  const width = Math.max(320, chart.width / RATIO)
  const canvas = document.createElement('canvas')
  const brush = canvas.getContext('2d')
  if (!brush) throw new Error('this browser draws no pictures')
  brush.font = `${SMALL}px ${look.font}`
  const many = caption.legend.length > 1
  const places = many ? legendRows(caption.legend.map(({ name }) => brush.measureText(name).width + 30), width) : []
  const rows = many ? (places.at(-1)?.row ?? 0) + 1 : 0
  const head = EDGE + TITLE + 8 + SMALL + 10 + rows * 20
  canvas.width = (width + EDGE * 2) * RATIO
  canvas.height = (head + chart.height / RATIO + EDGE) * RATIO
  brush.scale(RATIO, RATIO)
  brush.fillStyle = look.surface
  brush.fillRect(0, 0, canvas.width, canvas.height)
  brush.textBaseline = 'top'
  brush.fillStyle = look.text
  brush.font = `600 ${TITLE}px ${look.font}`
  brush.fillText(caption.title, EDGE, EDGE, width)
  brush.fillStyle = look.muted
  brush.font = `${SMALL}px ${look.font}`
  brush.fillText(caption.detail, EDGE, EDGE + TITLE + 8, width)
  caption.legend.forEach(({ name, stroke, filled }, i) => {
    const place = places[i]
    if (!place) return
    const x = EDGE + place.x
    const y = EDGE + TITLE + 8 + SMALL + 12 + place.row * 20
    brush.strokeStyle = stroke.colour
    brush.fillStyle = stroke.colour
    brush.lineWidth = 2
    brush.setLineDash(stroke.dash === 'solid' ? [] : stroke.dash)
    if (filled) brush.fillRect(x, y, 12, 12)
    else {
      brush.beginPath()
      brush.moveTo(x, y + 6)
      brush.lineTo(x + 22, y + 6)
      brush.stroke()
    }
    brush.setLineDash([])
    brush.fillStyle = look.text
    brush.fillText(name, x + 28, y)
  })
  brush.drawImage(chart, EDGE, head, chart.width / RATIO, chart.height / RATIO)
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('this browser makes no pictures'))), 'image/png'))
}
