import type { AgentInfo, EventColumns, LegBooks, StreamItem } from '../model/events.js'
import './numbers.js'
import { cowpath } from './generated/cowpath.js'
import { STACKS } from './stack.js'

/** The agent's side of the wire, for tests, benchmarks and the fake agent. */

const { v1 } = cowpath
const { Hop } = v1.Loss
const HOPS = {
  ring: Hop.HOP_RING,
  'client-queue': Hop.HOP_CLIENT_QUEUE,
  replay: Hop.HOP_REPLAY,
  'not-entered': Hop.HOP_NOT_ENTERED,
} as const

/** One TraceResponse. */
export function encodeItem(item: StreamItem): Uint8Array {
  return v1.TraceResponse.encode(responseOf(item)).finish()
}

export function encodeAgent(agent: AgentInfo): Uint8Array {
  return v1.DescribeResponse.encode(describeOf(agent)).finish()
}

function responseOf(item: StreamItem): cowpath.v1.TraceResponse.$Properties {
  switch (item.type) {
    case 'started':
      return { started: { agent: describeOf(item.agent), nextSeq: item.nextSeq } }
    case 'batch':
      return { batch: batchOf(item) }
    case 'loss':
      return { loss: { ...item.loss, hop: HOPS[item.loss.hop] } }
    case 'heartbeat': {
      const { legs, ...rest } = item
      return { heartbeat: { ...rest, legs: legs.map(legOf) } }
    }
  }
}

export function batchOf(batch: StreamItem & { readonly type: 'batch' }): cowpath.v1.Batch.$Properties {
  const { firstSeq, lastSeq, filtered, processes, stacks, events } = batch
  const baseTimeNs = events.length === 0 ? 0 : events.timeNs[0]
  return {
    firstSeq,
    lastSeq,
    filtered,
    events: events.length,
    baseTimeNs,
    processes: processes.map((process) => ({ ...process, comm: Buffer.from(process.comm) })),
    stacks: stacks.map(({ frames, ...stack }) => ({ ...stack, frames: [...frames] })),
    kind: events.kind,
    outcome: events.outcome,
    order: events.order,
    timeDeltaNs: Array.from(events.timeNs, (time, i) => time - (i === 0 ? baseTimeNs : events.timeNs[i - 1])),
    ...packed(events),
  }
}

const PACKED = [
  'cpu',
  'tgid',
  'tid',
  'mm',
  'otherMm',
  'otherTgid',
  'vpn',
  'pages',
  'oldPfn',
  'newPfn',
  'flags',
  'refcount',
  'mapcount',
  'pincount',
  'newRefcount',
  'stack',
  'aux',
] as const

/** A column of zeroes only is left out, as the agent does. */
function packed(events: EventColumns): cowpath.v1.Batch.$Properties {
  const wanted = PACKED.filter((name) => events[name].some((value) => value !== 0))
  return Object.fromEntries(wanted.map((name) => [name, Array.from(events[name])]))
}

function describeOf(agent: AgentInfo): cowpath.v1.DescribeResponse.$Properties {
  const { legs, wallClockOffsetNs, stacks, ...rest } = agent
  const taken = stacks === undefined ? {} : { stacks: STACKS[stacks] }
  return { ...rest, ...taken, wallClockOffsetNs: Number(wallClockOffsetNs), legs: legs.map(legOf) }
}

function legOf(leg: LegBooks): cowpath.v1.LegStatus.$Properties {
  const { name, attached, hook, reasons, ...books } = leg
  return { name, attached, hook, reasons: [...reasons], books }
}
