import { span, type Line, type Role } from './line.js'
import type { LiveSnapshot } from './live-snapshot.js'
import { lostEvents, sumBooks } from './overview.js'
import { printable } from './printable.js'
import { clipLine } from './table.js'
import { isEverything, targetWords } from './target.js'
import { count, duration } from './units.js'
import { signs, type ViewOptions } from './view-options.js'
import { versionRemark } from './versions.js'

type Remark = readonly [text: string, role: Role]

/** What the reader must know before believing the numbers, the weightiest first: one line, empty where all is well. */
export function statusLine(snapshot: LiveSnapshot, wallMs: number, options: ViewOptions): Line {
  const line = remarks(snapshot, wallMs, options).flatMap(([text, role], index) => [
    span(index === 0 ? '' : '  '),
    span(printable(text, options.charset), role),
  ])
  return clipLine(line, { width: options.width, cutMark: signs(options.charset).cut })
}

function remarks(snapshot: LiveSnapshot, wallMs: number, options: ViewOptions): readonly Remark[] {
  const { agent, clientVersion, unknownKinds } = snapshot
  const said: readonly (Remark | undefined)[] = [
    connectionRemark(snapshot, wallMs),
    lossRemark(snapshot),
    unseenRemark(snapshot),
    endedRemark(snapshot, options),
    noEventsRemark(snapshot, options),
    unknownKinds === 0
      ? undefined
      : [`UNKNOWN: ${count(unknownKinds)} events of kinds that this client has no name for`, 'warn'],
    agent === null ? undefined : versionRemark(clientVersion, agent.agentVersion),
  ]
  return said.filter((remark) => remark !== undefined)
}

function connectionRemark({ connection }: LiveSnapshot, wallMs: number): Remark | undefined {
  switch (connection.state) {
    case 'connecting':
      return [`Connecting to ${connection.endpoint} ${because(connection.why)}`.trimEnd(), 'warn']
    case 'reconnecting': {
      const away = duration(Math.max(0, wallMs - connection.sinceWallMs) * 1e6)
      return [`RECONNECTING for ${away} ${because(connection.why)}: what is missed will be counted`, 'warn']
    }
    case 'ended':
      return [`ENDED: ${connection.why === '' ? 'the stream is over' : connection.why}. q quits`, 'warn']
    case 'recorded':
    case 'connected':
      return undefined
  }
}

function because(why: string): string {
  return why === '' ? '' : `(${why})`
}

function lossRemark(snapshot: LiveSnapshot): Remark | undefined {
  if (lostEvents(snapshot) === 0) return undefined
  const { lost } = snapshot
  const hops = [
    [lost.ring, 'in the kernel ring'],
    [lost['not-entered'], 'because the kernel skipped a program that it had preempted on the same CPU'],
    [lost['client-queue'], 'because this client was slow'],
    [lost.replay, 'while not connected'],
  ] as const
  const parts = hops.filter(([events]) => events > 0).map(([events, where]) => `${count(events)} ${where}`)
  return [`LOST ${parts.join(', ')}: the numbers below are floors`, 'bad']
}

function unseenRemark({ unseen }: LiveSnapshot): Remark | undefined {
  if (unseen.times === 0) return undefined
  const times =
    unseen.times === 1 ? 'the agent was started anew' : `the agent was started anew ${unseen.times} times`
  return [`NOT SEEN: ${times}, nobody looked for ${duration(unseen.ms * 1e6)}`, 'bad']
}

/** Only where all that was asked for is gone: else there is more to come. */
function endedRemark({ filter, endedPids }: LiveSnapshot, { charset }: ViewOptions): Remark | undefined {
  if (filter === null || endedPids.length === 0) return undefined
  if (filter.comms.length > 0 || endedPids.length < filter.pids.length) return undefined
  return [
    `EXITED: ${targetWords(filter, charset)}. Nothing more will come of it; :filter asks for another`,
    'warn',
  ]
}

/** The likeliest reason first: nothing can be seen, nothing passes the filter, nothing happens. */
function noEventsRemark(snapshot: LiveSnapshot, options: ViewOptions): Remark | undefined {
  const { legs, connection, totals, filter } = snapshot
  const isHere = connection.state === 'connected' || connection.state === 'recorded'
  if (!isHere || totals.events > 0 || lostEvents(snapshot) > 0) return undefined
  const faultLeg = legs.find((leg) => leg.name === 'wp-fault')
  if (legs.every((leg) => !leg.attached))
    return ['No events: no leg is attached. cowpath doctor says why', 'warn']
  if (faultLeg !== undefined && !faultLeg.attached)
    return [
      `No events yet, and no write faults will come: leg wp-fault is not attached (${faultLeg.reasons.join('; ')})`,
      'warn',
    ]
  const submitted = sumBooks(legs, 'submitted')
  if (filter !== null && !isEverything(filter))
    return [
      `No events yet of ${targetWords(filter, options.charset)}` +
        (submitted > 0 ? `, of others ${count(submitted)}: is it running, and does it fork or write?` : ''),
      'warn',
    ]
  const seen = sumBooks(legs, 'seen')
  if (seen === 0)
    return ['No events yet: nothing that is traced has forked or written to a shared page', 'warn']
  const filtered = sumBooks(legs, 'filtered')
  if (filtered > 0)
    return [
      `No events yet: ${count(filtered)} were seen that came to nothing, as attempts that failed`,
      'warn',
    ]
  return [
    `No events yet: ${count(seen)} were seen, none submitted (throttled ${count(sumBooks(legs, 'throttled'))}, missed ${count(sumBooks(legs, 'missed'))})`,
    'warn',
  ]
}
