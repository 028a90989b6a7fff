/** Where a text stops being JSON. Browsers say it in different words, or not at all. */

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const PLAIN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
/** No dashboard lies deeper. */
const DEEPEST = 100

/** The offset of the first character that cannot stand where it does; null for good JSON. */
export function wrongAt(text: string): number | null {
  let at = 0
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at += found[0].length
    return found !== null
  }
  const take = (character: string): boolean => {
    if (text[at] !== character) return false
    at += 1
    return true
  }
  const list = (end: string, item: () => boolean): boolean => {
    skip(SPACE)
    if (take(end)) return true
    do {
      skip(SPACE)
      if (!item()) return false
      skip(SPACE)
    } while (take(','))
    return take(end)
  }
  const value = (depth: number): boolean => {
    skip(SPACE)
    if (depth > DEEPEST) return false
    if (take('{'))
      return list('}', () => {
        if (!skip(STRING)) return false
        skip(SPACE)
        return take(':') && value(depth + 1)
      })
    if (take('[')) return list(']', () => value(depth + 1))
    return skip(STRING) || skip(PLAIN)
  }
  if (!value(0)) return at
  skip(SPACE)
  return at < text.length ? at : null
}
