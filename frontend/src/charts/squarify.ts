/**
 * Rectangles whose areas are in proportion to values, as near to squares as they can be.
 * Bruls, Huizing, Van Wijk: Squarified Treemaps (2000).
 */

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

/** The worst proportion of sides in a row of areas along a side of this length. */
function worst(row: number[], side: number): number {
  const sum = row.reduce((all, area) => all + area, 0)
  const thickness = sum / side
  return Math.max(...row.map((area) => Math.max(thickness ** 2 / area, area / thickness ** 2)))
}

/** One box per value, in the order of the values, which must be above zero and descending. */
export function squarify(values: number[], space: Box): Box[] {
  const total = values.reduce((all, value) => all + value, 0)
  if (total <= 0 || space.width <= 0 || space.height <= 0) return values.map(() => ({ ...space, width: 0, height: 0 }))
  const scale = (space.width * space.height) / total
  const areas = values.map((value) => value * scale)
  const boxes: Box[] = []
  let free = { ...space }
  let start = 0
  while (start < areas.length) {
    const side = Math.min(free.width, free.height)
    let end = start + 1
    while (end < areas.length && worst(areas.slice(start, end + 1), side) <= worst(areas.slice(start, end), side)) end += 1
    const row = areas.slice(start, end)
    const sum = row.reduce((all, area) => all + area, 0)
    const upright = free.width >= free.height
    const thickness = side > 0 ? sum / side : 0
    let along = 0
    for (const area of row) {
      const length = thickness > 0 ? area / thickness : 0
      boxes.push(
        upright
          ? { x: free.x, y: free.y + along, width: thickness, height: length }
          : { x: free.x + along, y: free.y, width: length, height: thickness },
      )
      along += length
    }
    free = upright
      ? { ...free, x: free.x + thickness, width: free.width - thickness }
      : { ...free, y: free.y + thickness, height: free.height - thickness }
    start = end
  }
  return boxes
}
