/** "Kas & bank 2026" as the name of a file. */
export function fileNameOf(title: string): string {
  const plain = title.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
  return `${plain.slice(0, 60) || 'dashboard'}.baken.json`
}
