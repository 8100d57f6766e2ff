import { span, type Line } from './line.js'
import { alarmsOf } from './live-findings.js'
import type { LiveSnapshot } from './live-snapshot.js'
import { printable } from './printable.js'
import { clipLine } from './table.js'
import { count, duration } from './units.js'
import { verdictRole } from './verdict-role.js'
import { signs, type ViewOptions } from './view-options.js'

/** Two lines at the top of the overview: is anything wrong, and who pins longest. */
export function glanceLines(snapshot: LiveSnapshot, options: ViewOptions): readonly Line[] {
  const { cut } = signs(options.charset)
  return [wrongLine(snapshot, options), pinLine(snapshot, options)].map((line) =>
    clipLine(line, { width: options.width, cutMark: cut }),
  )
}

function wrongLine({ verdicts, worst, rules }: LiveSnapshot, options: ViewOptions): Line {
  const unknown = rules.reduce((sum, rule) => sum + rule.unknown, 0)
  const undecided = unknown === 0 ? '' : `, ${count(unknown)} undecided`
  if (worst === null) {
    const checked = rules.reduce((sum, rule) => sum + rule.checked, 0)
    const words =
      rules.length === 0
        ? 'no rules are at work on this stream'
        : `no hazard, no violation in ${count(checked)} checks${undecided}`
    return [span('wrong    ', 'dim'), span(words, checked > unknown ? 'good' : 'plain')]
  }
  const { rule, verdict, cause, tgid, comm } = worst
  return [
    span('wrong    ', 'dim'),
    span(`${count(alarmsOf(verdicts))}! `, 'bad'),
    span(verdict.toUpperCase(), verdictRole(verdict)),
    span(` ${rule} by ${cause}, memory of ${named(tgid, comm, options)}${undecided}`),
  ]
}

function pinLine({ oldestPin, pinnedPages, hostTimeNs }: LiveSnapshot, options: ViewOptions): Line {
  const label = span('pinned   ', 'dim')
  if (oldestPin === null) return [label, span('nothing by FOLL_PIN')]
  const { tgid, comm, taker, fromNs } = oldestPin
  const where = taker === '' ? '' : ` in ${printable(taker, options.charset)}`
  return [
    label,
    span(`${count(pinnedPages)} pages`, 'strong'),
    span(
      `; longest for ${duration(Math.max(0, hostTimeNs - fromNs))} by ${named(tgid, comm, options)}${where}`,
    ),
  ]
}

function named(tgid: number, comm: string, { charset }: ViewOptions): string {
  return comm === '' ? `pid ${tgid}` : `pid ${tgid} (${printable(comm, charset)})`
}
