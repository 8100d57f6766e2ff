import type { LegBooks } from '../model/events.js'
import { span, type Line } from './line.js'
import { NO_COUNTS, type Counts, type LiveSnapshot } from './live-snapshot.js'
import { printable } from './printable.js'
import { sparkline } from './sparkline.js'
import { clipLine } from './table.js'
import { bytes, count, duration } from './units.js'
import { signs, type ViewOptions } from './view-options.js'
import { fit } from './width.js'

/** Two lines: whom we watch and since when; legs, lag, losses. `wallMs` is now. */
export function headerLines(snapshot: LiveSnapshot, wallMs: number, options: ViewOptions): readonly Line[] {
  return [whoLine(snapshot, wallMs, options), healthLine(snapshot, options)].map((line) => cut(line, options))
}

/** Five lines: each rate with its last second, its history and its greatest value in that history. */
export function rateLines(snapshot: LiveSnapshot, options: ViewOptions): readonly Line[] {
  const newest = snapshot.seconds[snapshot.seconds.length - 1] ?? NO_COUNTS
  return RATES.map(({ name, of, text }) => {
    const room = Math.max(0, options.width - NAME_CELLS - VALUE_CELLS - MAX_CELLS - 3)
    const values = snapshot.seconds.slice(-Math.max(1, room)).map(of)
    const max = values.length === 0 ? '' : `max ${text(Math.max(...values))}`
    const line = [
      span(fit(name, NAME_CELLS) + ' ', 'dim'),
      span(fit(text(of(newest)), VALUE_CELLS, 'right') + ' ', 'strong'),
      span(sparkline(values, room, options.charset) + ' ', 'accent'),
      span(fit(max, MAX_CELLS, 'right'), 'dim'),
    ]
    return cut(line, options)
  })
}

const NAME_CELLS = 8
const VALUE_CELLS = 9
const MAX_CELLS = 13

const RATES: readonly {
  readonly name: string
  readonly of: (counts: Counts) => number
  readonly text: (value: number) => string
}[] = [
  { name: 'faults/s', of: (counts) => counts.faults, text: count },
  { name: 'copies/s', of: (counts) => counts.copies, text: count },
  { name: 'copied/s', of: (counts) => counts.copiedBytes, text: bytes },
  { name: 'reuses/s', of: (counts) => counts.reuses, text: count },
  { name: 'forks/s', of: (counts) => counts.forks, text: count },
]

function whoLine(snapshot: LiveSnapshot, wallMs: number, options: ViewOptions): Line {
  const { connection, agent } = snapshot
  const name = span('cowpath', 'title')
  if (agent === null) return [name, span(`  ${printable(connection.endpoint, options.charset)}`)]
  return [
    name,
    span(`  ${printable(agent.hostname, options.charset)}`, 'strong'),
    span(`  Linux ${printable(agent.kernelRelease, options.charset)}  `),
    connection.state === 'connected'
      ? span(`connected ${duration(Math.max(0, wallMs - connection.sinceWallMs) * 1e6)}`)
      : connection.state === 'recorded'
        ? span(`recorded in ${printable(connection.endpoint, options.charset)}`)
        : span(connection.state.toUpperCase(), 'warn'),
    ...((agent.onePageIn ?? 1) > 1 ? [span(`  SAMPLE 1/${agent.onePageIn ?? 1}`, 'warn')] : []),
  ]
}

function healthLine(snapshot: LiveSnapshot, options: ViewOptions): Line {
  if (snapshot.agent === null) return [span('legs -  lag -  lost -', 'dim')]
  const attached = snapshot.legs.filter((leg) => leg.attached)
  const missing = snapshot.legs
    .filter((leg) => !leg.attached)
    .map((leg) => printable(leg.name, options.charset))
  const lost = lostEvents(snapshot)
  return [
    span(`legs ${attached.length}/${snapshot.legs.length}`, missing.length === 0 ? 'good' : 'warn'),
    span(missing.length === 0 ? '' : ` (without ${missing.join(', ')})`, 'warn'),
    span(`  lag ${snapshot.lagNs === null ? '-' : duration(snapshot.lagNs)}`),
    span('  '),
    span(lost === 0 ? 'lost 0' : `LOST ${count(lost)}`, lost === 0 ? 'good' : 'bad'),
    span(`  events ${count(snapshot.totals.events)}  copied ${bytes(snapshot.totals.copiedBytes)}`),
  ]
}

/** Events that never came, at any hop. */
export function lostEvents({ lost: hops }: Pick<LiveSnapshot, 'lost'>): number {
  return Object.values(hops).reduce((sum, lost) => sum + lost, 0)
}

/** Events of all legs by what became of them, as the agent's last heartbeat had them. */
export function sumBooks(
  legs: readonly LegBooks[],
  what: 'seen' | 'submitted' | 'filtered' | 'throttled' | 'missed',
): number {
  return legs.reduce((sum, leg) => sum + leg[what], 0)
}

function cut(line: Line, options: ViewOptions): Line {
  return clipLine(line, { width: options.width, cutMark: signs(options.charset).cut })
}
