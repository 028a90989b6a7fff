/** Files from the page to the reader's disk. */

export function saveFile(name: string, content: Blob): void {
  const address = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  // The browser has taken the file over once the click is handled.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

export const csvBlob = (text: string) => new Blob([text], { type: 'text/csv;charset=utf-8' })
