/** A template as runs of plain text and places where each error has its own value. */

export interface Piece {
  text: string
  slot: boolean
}

const SLOT = /<([a-z][a-z0-9_]{0,30})(?: ([^<>]{1,80}))?>/g

export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const found of template.matchAll(SLOT)) {
    if (found.index > end) pieces.push({ text: template.slice(end, found.index), slot: false })
    pieces.push({ text: found[2] ? `${found[1]} ${found[2]}` : (found[1] ?? ''), slot: true })
    end = found.index + found[0].length
  }
  if (end < template.length) pieces.push({ text: template.slice(end), slot: false })
  return pieces
}
