/** Pictures of what stands in the page as elements: the hours of the week, and tiles. */
import { stepOf, STEPS } from './heat'
import type { Look } from './look'
import { pictureOf, RATIO, type Caption } from './picture'
import type { Box } from './types'

function brushOf(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement('canvas')
  canvas.width = width * RATIO
  canvas.height = height * RATIO
  const brush = canvas.getContext('2d')
  if (!brush) throw new Error('this browser draws no pictures')
  brush.scale(RATIO, RATIO)
  return [canvas, brush]
}

const CELL = { width: 32, height: 24, gap: 3, left: 44 }

/** A picture of counts per hour of the week. */
export function heatPicture(grid: readonly (readonly (number | null)[])[], highest: number, caption: Pick<Caption, 'title' | 'detail'> & { days: string[] }, look: Look): Promise<Blob> {
  const [canvas, brush] = brushOf(CELL.left + 24 * (CELL.width + CELL.gap), grid.length * (CELL.height + CELL.gap) + 20)
  brush.font = `12px ${look.font}`
  brush.textBaseline = 'middle'
  grid.forEach((hours, day) => {
    const y = day * (CELL.height + CELL.gap)
    brush.fillStyle = look.muted
    brush.fillText(caption.days[day] ?? '', 0, y + CELL.height / 2)
    for (let hour = 0; hour < 24; hour += 1) {
      const step = stepOf(hours[hour] ?? null, highest)
      const x = CELL.left + hour * (CELL.width + CELL.gap)
      brush.globalAlpha = 1
      brush.fillStyle = look.sunken
      if ((hours[hour] ?? null) !== null) brush.fillRect(x, y, CELL.width, CELL.height)
      else {
        brush.strokeStyle = look.line
        brush.strokeRect(x + 0.5, y + 0.5, CELL.width - 1, CELL.height - 1)
      }
      brush.fillStyle = look.tones.accent
      brush.globalAlpha = step / STEPS
      if (step) brush.fillRect(x, y, CELL.width, CELL.height)
    }
  })
  brush.globalAlpha = 1
  brush.fillStyle = look.muted
  for (const hour of [0, 6, 12, 18]) brush.fillText(String(hour).padStart(2, '0'), CELL.left + hour * (CELL.width + CELL.gap), grid.length * (CELL.height + CELL.gap) + 8)
  return pictureOf(canvas, { ...caption, legend: [] }, look)
}

export interface PaintedTile extends Box {
  name: string
  figure: string
  fill: string
}

/** A picture of tiles as they stand in the page. */
export function tilePicture(tiles: readonly PaintedTile[], heads: readonly (Box & { name: string })[], size: { width: number; height: number }, caption: Pick<Caption, 'title' | 'detail'>, look: Look): Promise<Blob> {
  const [canvas, brush] = brushOf(size.width, size.height)
  brush.textBaseline = 'top'
  const write = (text: string, x: number, y: number, room: number, font: string) => {
    brush.font = font
    let shown = text
    while (shown.length > 1 && brush.measureText(shown).width > room) shown = `${shown.slice(0, -2).trimEnd()}…`
    if (room > 12) brush.fillText(shown, x, y)
  }
  for (const tile of tiles) {
    brush.fillStyle = tile.fill
    brush.fillRect(tile.left + 1, tile.top + 1, Math.max(0, tile.width - 2), Math.max(0, tile.height - 2))
    brush.fillStyle = look.text
    if (tile.height > 22) write(tile.name, tile.left + 7, tile.top + 6, tile.width - 12, `550 13px ${look.font}`)
    if (tile.height > 42) write(tile.figure, tile.left + 7, tile.top + 23, tile.width - 12, `13px ${look.font}`)
  }
  brush.fillStyle = look.text
  for (const head of heads) write(head.name, head.left, head.top + 2, head.width - 8, `600 13px ${look.font}`)
  return pictureOf(canvas, { ...caption, legend: [] }, look)
}
