/** A report as a file of its own: a web page that needs nothing else, or its data. */
import { t } from '../../i18n'
import type { Report } from './answers'
import { daysText } from './days'

function saved(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  URL.revokeObjectURL(address)
}

/** "baken-daily-2026-11-26": the last day that it is about. */
export function nameOf(report: Report): string {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: report.time_zone, dateStyle: 'short' }).format(Date.parse(report.to) - 1)
  return `baken-${report.site}-${report.period}-${day}`
}

export function saveData(report: Report): void {
  saved(`${nameOf(report)}.json`, 'application/json', `${JSON.stringify(report, null, 2)}\n`)
}

const STYLE = `body{max-width:46rem;margin:2rem auto;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;color:#1c242e}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.8rem 0 .4rem}p{margin:.2rem 0}table{width:100%;border-collapse:collapse}
td,th{padding:.3rem .6rem .3rem 0;border-bottom:1px solid #dce1e7;text-align:start;vertical-align:top;font-weight:400}
.end{text-align:end;white-space:nowrap}.muted{color:#566170}.good{color:#1c7447}.bad{color:#8f5600}a{display:none}button{display:none}
@media (prefers-color-scheme:dark){body{background:#11151a;color:#e4e9ef}td,th{border-color:#2b343e}.muted{color:#9ca8b6}.good{color:#6fcf9b}.bad{color:#e9b25c}}
.visually-hidden{position:absolute;clip-path:inset(50%)}svg{display:none}ul,ol{padding-inline-start:1.1rem}`

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign)

/** The document as it stands on the page, without scripts, buttons and the page's own attributes. */
export function pageOf(report: Report, shown: HTMLElement): string {
  const copy = shown.cloneNode(true) as HTMLElement
  for (const gone of copy.querySelectorAll('svg, button, script')) gone.remove()
  for (const link of copy.querySelectorAll('a')) link.replaceWith(...link.childNodes)
  for (const one of copy.querySelectorAll('*')) {
    for (const name of one.getAttributeNames()) {
      if (name !== 'class' && name !== 'scope' && name !== 'colspan') one.removeAttribute(name)
    }
  }
  const title = `${t(`reports.${report.period}Report`)} – ${report.site}, ${daysText(report.from, report.to, report.time_zone)}`
  return `<!doctype html>
<html lang="${report.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${copy.innerHTML}
</body>
</html>
`
}

export function savePage(report: Report, shown: HTMLElement): void {
  saved(`${nameOf(report)}.html`, 'text/html', pageOf(report, shown))
}
