/** Text that people write into a panel: headings, lists, bold, italics, code and links, and nothing that can do harm. */

export type Span = { kind: 'text' | 'bold' | 'italic' | 'code'; text: string } | { kind: 'link'; text: string; to: string }
export type Block = { kind: 'heading' | 'paragraph'; spans: Span[] } | { kind: 'list'; items: Span[][]; numbered: boolean }

const SPAN = /\*\*(?<bold>[^*]+)\*\*|(?<![\w*])\*(?<italic>[^*\s][^*]*)\*|`(?<code>[^`]+)`|\[(?<label>[^\]]+)\]\((?<to>[^)\s]+)\)|(?<bare>https?:\/\/[^\s<>()]+[^\s<>().,;:!?])/g

/** Only addresses that lead to a page: another site's, or a path of this one. */
export function safeAddress(to: string): string | null {
  if (/^https?:\/\//i.test(to)) return URL.canParse(to) ? to : null
  return /^\/(?![/\\])/.test(to) ? to : null
}

export function spansOf(line: string): Span[] {
  const spans: Span[] = []
  let at = 0
  const plain = (text: string) => {
    if (text) spans.push({ kind: 'text', text })
  }
  for (const match of line.matchAll(SPAN)) {
    const { bold, italic, code, label, to, bare } = match.groups ?? {}
    const address = to !== undefined ? safeAddress(to) : bare !== undefined ? safeAddress(bare) : null
    if ((to !== undefined || bare !== undefined) && address === null) continue
    plain(line.slice(at, match.index))
    at = match.index + match[0].length
    if (bold !== undefined) spans.push({ kind: 'bold', text: bold })
    else if (italic !== undefined) spans.push({ kind: 'italic', text: italic })
    else if (code !== undefined) spans.push({ kind: 'code', text: code })
    else if (address !== null) spans.push({ kind: 'link', text: label ?? bare ?? address, to: address })
  }
  plain(line.slice(at))
  return spans
}

export function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  let paragraph: string[] = []
  const end = () => {
    if (paragraph.length) blocks.push({ kind: 'paragraph', spans: spansOf(paragraph.join('\n')) })
    paragraph = []
  }
  for (const line of text.split(/\r?\n/)) {
    const heading = /^#{1,3}\s+(.+)$/.exec(line)?.[1]
    const item = /^\s*(?:([-*])|\d{1,3}[.)])\s+(.+)$/.exec(line)
    if (heading !== undefined) {
      end()
      blocks.push({ kind: 'heading', spans: spansOf(heading) })
    } else if (item?.[2] !== undefined) {
      end()
      const numbered = item[1] === undefined
      const last = blocks.at(-1)
      if (last?.kind === 'list' && last.numbered === numbered) last.items.push(spansOf(item[2]))
      else blocks.push({ kind: 'list', items: [spansOf(item[2])], numbered })
    } else if (line.trim() === '') {
      end()
    } else {
      paragraph.push(line.trim())
    }
  }
  end()
  return blocks
}
