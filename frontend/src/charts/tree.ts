/** Tiles of a treemap: branches and what is in them, each as large as its figure. */
import type { RouteLocationRaw } from 'vue-router'
import { squarify, type Box } from './squarify'

export interface Leaf {
  name: string
  value: number
  severity?: string | null
  /** Everything about it in words. */
  text: string
  /** Where it leads. */
  to?: RouteLocationRaw
}

export interface Branch {
  name: string
  leaves: Leaf[]
}

export interface Tile extends Box {
  leaf: Leaf
}

export interface Group extends Box {
  branch: Branch
  total: number
  /** There is room for its name above its tiles. */
  headed: boolean
  tiles: Tile[]
}

export const HEAD = 24
const GAP = 3
/** More tiles than this in a branch are specks. */
export const MOST_LEAVES = 40

export const totalOf = (branch: Branch) => branch.leaves.reduce((all, leaf) => all + leaf.value, 0)

/** The largest by themselves, what remains as one. */
export function gatheredLeaves(leaves: readonly Leaf[], rest: (leaves: Leaf[], value: number) => Leaf): Leaf[] {
  const sorted = leaves.filter((leaf) => leaf.value > 0).sort((a, b) => b.value - a.value)
  if (sorted.length <= MOST_LEAVES) return sorted
  const others = sorted.slice(MOST_LEAVES - 1)
  return [...sorted.slice(0, MOST_LEAVES - 1), rest(others, others.reduce((all, leaf) => all + leaf.value, 0))]
}

const NONE: Box = { x: 0, y: 0, width: 0, height: 0 }

export function groupsOf(branches: readonly Branch[], size: { width: number; height: number }): Group[] {
  const shown = branches.filter((branch) => totalOf(branch) > 0).sort((a, b) => totalOf(b) - totalOf(a))
  const boxes = squarify(shown.map(totalOf), { x: 0, y: 0, ...size })
  return shown.map((branch, i) => {
    const box = boxes[i] ?? NONE
    const headed = box.height > HEAD * 2 && box.width > 60
    const head = headed ? HEAD : 0
    const leaves = branch.leaves.filter((leaf) => leaf.value > 0).sort((a, b) => b.value - a.value)
    const inner = squarify(
      leaves.map((leaf) => leaf.value),
      { x: 0, y: head, width: Math.max(0, box.width - GAP), height: Math.max(0, box.height - head - GAP) },
    )
    return { ...box, branch, total: totalOf(branch), headed, tiles: leaves.map((leaf, j) => ({ leaf, ...(inner[j] ?? NONE) })) }
  })
}
