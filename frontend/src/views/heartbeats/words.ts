/** How jobs stand, in words and shapes, and the lines that make a job report. */
import { now } from '../../clock'
import { formatMoment, formatSeconds, parseTime } from '../../format'
import { t, tn } from '../../i18n'
import type { HostKind } from '../../host'
import type { SymbolName } from '../../symbols'
import type { Check, CheckState, Ping } from './answers'

export type Shade = 'ok' | 'attention' | 'critical' | 'unknown'
const SHADES: Record<CheckState, Shade> = {
  missing: 'critical',
  failed: 'critical',
  too_long: 'attention',
  late: 'attention',
  running: 'ok',
  up: 'ok',
  new: 'unknown',
  paused: 'unknown',
}
const ICONS: Record<CheckState, SymbolName> = {
  missing: 'critical',
  failed: 'close',
  too_long: 'clock',
  late: 'attention',
  running: 'refresh',
  up: 'ok',
  new: 'unknown',
  paused: 'quiet',
}

export function shadeOf(state: CheckState): Shade {
  return SHADES[state]
}

export function iconOf(state: CheckState): SymbolName {
  return ICONS[state]
}

function moment(at: string | null): string {
  const ms = parseTime(at)
  return ms === null ? '' : formatMoment(ms, now.value)
}

/** What is to be known next about a job: when it is expected, since when it runs, or why it is not well. */
export function saysOf(check: Check): string {
  switch (check.state) {
    case 'missing':
      return t('heartbeats.wasExpected', { at: moment(check.expected) })
    case 'failed':
      return check.exit_code === null
        ? t('heartbeats.failedSince', { at: moment(check.failed_since) })
        : t('heartbeats.failedCode', { at: moment(check.failed_since), code: check.exit_code })
    case 'too_long':
    case 'running':
      return t('heartbeats.runsSince', { at: moment(check.started), until: moment(check.too_long_at) })
    case 'late':
      return t('heartbeats.lateUntil', { at: moment(check.expected), until: moment(check.missing_at) })
    case 'new':
      return t('heartbeats.newHint')
    case 'paused':
      return t('heartbeats.pausedSince', { at: moment(check.paused_at) })
    default:
      return t('heartbeats.next', { at: moment(check.expected) })
  }
}

/** One sentence about all of them. */
export function sumOf(checks: readonly Check[]): { shade: Shade; text: string } {
  const awaited = checks.filter((one) => one.state !== 'paused' && one.state !== 'new')
  const bad = awaited.filter((one) => SHADES[one.state] === 'critical')
  const slow = awaited.filter((one) => SHADES[one.state] === 'attention')
  if (bad.length) return { shade: 'critical', text: tn('heartbeats.sumBad', bad.length, { all: awaited.length }) }
  if (slow.length) return { shade: 'attention', text: tn('heartbeats.sumSlow', slow.length, { all: awaited.length }) }
  if (awaited.length) return { shade: 'ok', text: tn('heartbeats.sumWell', awaited.length) }
  return { shade: 'unknown', text: t('heartbeats.sumNone') }
}

/** What is drawn of the last pings: each run once, by its end; a start only as long as nothing follows it. */
export function runsOf(pings: readonly Ping[]): Ping[] {
  return pings.filter((one, place) => one.kind !== 'start' || !pings.slice(place + 1).some((later) => later.kind === 'success' || later.kind === 'fail'))
}

/** The bars in words, for who does not see them. */
export function runsText(pings: readonly Ping[]): string {
  const runs = runsOf(pings)
  const well = runs.filter((one) => one.kind === 'success').length
  const badly = runs.filter((one) => one.kind === 'fail').length
  return t('heartbeats.barsText', { well: tn('heartbeats.nWell', well), badly: tn('heartbeats.nBadly', badly) })
}

/** One report in words: "went well, 40 s". */
export function pingText(ping: Ping): string {
  const parts = [t(`heartbeatKind.${ping.kind}`)]
  if (ping.kind === 'fail' && ping.exit_code !== null) parts.push(t('heartbeats.code', { code: ping.exit_code }))
  if (ping.seconds !== null) parts.push(formatSeconds(ping.seconds))
  return parts.join(', ')
}

/** The addresses that a job calls. `exit` ends with what a shell knows the exit code by. */
export interface Addresses {
  success: string
  start: string
  fail: string
  exit: string
}

export function addressesOf(key: string, origin: string, host: HostKind | null): Addresses {
  if (host === 'frappe') {
    const base = `${origin}/api/method/baken.ping_check?key=${key}`
    return { success: base, start: `${base}&kind=start`, fail: `${base}&kind=fail`, exit: `${base}&exit_code=$?` }
  }
  const base = `${origin}/ping/${key}`
  return { success: base, start: `${base}/start`, fail: `${base}/fail`, exit: `${base}/$?` }
}

export const SNIPPETS = ['cron', 'whole', 'either', 'python'] as const
export type Snippet = (typeof SNIPPETS)[number]
const CURL = 'curl -fsS -m 10 --retry 5 -o /dev/null'

/** The line of a crontab as `bench setup backups` writes it, with the report of how it ended; and other ways. */
export function snippetOf(kind: Snippet, addresses: Addresses, cron: string, site: string): string {
  const backup = `/usr/local/bin/bench --site ${site} backup`
  switch (kind) {
    case 'cron':
      return `${cron || '0 */6 * * *'} cd /home/frappe/frappe-bench && ${backup} >> logs/backup.log 2>&1; ${CURL} "${addresses.exit}"`
    case 'whole':
      return `#!/bin/sh\n${CURL} "${addresses.start}"\ncd /home/frappe/frappe-bench && ${backup}\n${CURL} "${addresses.exit}"`
    case 'either':
      return `/path/to/job && ${CURL} "${addresses.success}" || ${CURL} "${addresses.fail}"`
    case 'python':
      return [
        'import requests',
        '',
        `SUCCESS = "${addresses.success}"`,
        `START = "${addresses.start}"`,
        `FAIL = "${addresses.fail}"`,
        '',
        '',
        'def report(address):',
        '    try:',
        '        requests.post(address, timeout=10)',
        '    except requests.RequestException:',
        '        pass  # The job itself must not fail for it; Baken misses the report.',
        '',
        '',
        'def nightly():  # scheduler_events = {"daily": ["my_app.tasks.nightly"]}',
        '    report(START)',
        '    try:',
        '        do_the_work()',
        '    except Exception:',
        '        report(FAIL)',
        '        raise',
        '    report(SUCCESS)',
      ].join('\n')
  }
}
