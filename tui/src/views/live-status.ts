import { span, type Line, type Role } from './line.js'
import type { LiveSnapshot } from './live-snapshot.js'
import { lostEvents, sumBooks } from './overview.js'
import { printable } from './printable.js'
import { clipLine } from './table.js'
import { count } from './units.js'
import { signs, type ViewOptions } from './view-options.js'

/** What the reader must know before believing the numbers: one line, empty where all is well. */
export function statusLine(snapshot: LiveSnapshot, options: ViewOptions): Line {
  const [text, role] = status(snapshot)
  const line = [span(printable(text, options.charset), role)]
  return clipLine(line, { width: options.width, cutMark: signs(options.charset).cut })
}

function status(snapshot: LiveSnapshot): readonly [text: string, role: Role] {
  const { connection } = snapshot
  switch (connection.state) {
    case 'connecting':
      return [`Connecting to ${connection.endpoint} ${because(connection.why)}`, 'warn']
    case 'reconnecting':
      return [
        `RECONNECTING: what is missed meanwhile will be counted as lost ${because(connection.why)}`,
        'warn',
      ]
    case 'ended':
      return [`ENDED: ${connection.why === '' ? 'the stream is over' : connection.why}. q quits`, 'warn']
    case 'recorded':
    case 'connected':
      if (lostEvents(snapshot) > 0) return [lossText(snapshot), 'bad']
      return snapshot.totals.events === 0 ? [whyNoEvents(snapshot), 'warn'] : ['', 'plain']
  }
}

function because(why: string): string {
  return why === '' ? '' : `(${why})`
}

function lossText(snapshot: LiveSnapshot): string {
  const { lost } = snapshot
  const hops = [
    [lost.ring, 'in the kernel ring'],
    [lost['client-queue'], 'because this client was slow'],
    [lost.replay, 'while not connected'],
  ] as const
  const parts = hops.filter(([events]) => events > 0).map(([events, where]) => `${count(events)} ${where}`)
  return `LOST ${parts.join(', ')}: the numbers below are floors`
}

/** The likeliest reason first: nothing can be seen, nothing passes the filter, nothing happens. */
function whyNoEvents({ legs }: LiveSnapshot): string {
  const faultLeg = legs.find((leg) => leg.name === 'wp-fault')
  if (legs.every((leg) => !leg.attached)) return 'No events: no leg is attached. cowpath doctor says why'
  if (faultLeg !== undefined && !faultLeg.attached) {
    return `No events yet, and no write faults will come: leg wp-fault is not attached (${faultLeg.reasons.join('; ')})`
  }
  const seen = sumBooks(legs, 'seen')
  if (seen === 0) return 'No events yet: nothing that is traced has forked or written to a shared page'
  const filtered = sumBooks(legs, 'filtered')
  if (filtered > 0)
    return `No events yet: ${count(filtered)} were seen, of processes outside the chosen targets`
  return `No events yet: ${count(seen)} were seen, none submitted (throttled ${count(sumBooks(legs, 'throttled'))}, missed ${count(sumBooks(legs, 'missed'))})`
}
