import { columnsOf as columnsOfRows, NO_EVENT, type EventRow } from '../../model/event-rows.js'
import {
  NOTHING_SEEN,
  type AgentInfo,
  type EventColumns,
  type LegBooks,
  type StreamItem,
} from '../../model/events.js'
import { Flag, Kind, Outcome } from '../../model/kinds.js'

/** A made-up stream for tests of what is shown: the same on every run. */

export function syntheticLeg(name: string, parts: Partial<LegBooks> = {}): LegBooks {
  return {
    name,
    attached: true,
    hook: 'fentry',
    reasons: [],
    ...NOTHING_SEEN,
    ...parts,
  }
}

export function syntheticAgent(parts: Partial<AgentInfo> = {}): AgentInfo {
  return {
    bootId: 'run-1',
    agentVersion: '0.1.0',
    kernelRelease: '6.1.0-32-amd64',
    kernelVersion: '#1 SMP Debian',
    kernelBootId: 'boot-1',
    hostname: 'db-7',
    cpus: 2,
    pageSize: 4096,
    wallClockOffsetNs: 0n,
    legs: ['wp-fault', 'huge-wp', 'fork', 'unmap', 'exit', 'free'].map((name) => syntheticLeg(name)),
    ...parts,
  }
}

/** One event; what is left out is zero. */
export type SyntheticEvent = Partial<EventRow>

export function columnsOf(events: readonly SyntheticEvent[]): EventColumns {
  return columnsOfRows(events.map((event) => ({ ...NO_EVENT, ...event })))
}

export function batchOf(
  events: readonly SyntheticEvent[],
  processes: Extract<StreamItem, { type: 'batch' }>['processes'] = [],
  stacks: Extract<StreamItem, { type: 'batch' }>['stacks'] = [],
): StreamItem {
  const columns = columnsOf(events)
  return {
    type: 'batch',
    firstSeq: columns.seq.at(0) ?? 0,
    lastSeq: columns.seq.at(-1) ?? 0,
    filtered: 0,
    processes,
    stacks,
    events: columns,
  }
}

export function heartbeatAt(timeNs: number, legs: readonly LegBooks[] = syntheticAgent().legs): StreamItem {
  return {
    type: 'heartbeat',
    timeNs,
    lastSeq: 0,
    legs,
    ringUsedBytes: 0,
    ringSizeBytes: 1 << 22,
    residentBytes: 20 << 20,
    cpuNs: 0,
  }
}

/** Names that a hostile or merely foreign process may bear. */
export const COMMS = [
  'redis-server',
  'python3',
  'postgres',
  '\x1b[2Jevil',
  '日本語サーバ',
  'tab\tname',
  'cafe\u0301',
  '',
]

/** One second of a host on which eight processes fork and write: `second` s after its boot. */
export function syntheticSecond(second: number, faults: number): readonly StreamItem[] {
  const startNs = second * 1e9
  const processes = COMMS.map((comm, index) => ({
    tgid: 800 + index,
    parentTgid: 1,
    mm: index + 1,
    comm,
    startTimeNs: 0,
  }))
  const events = Array.from({ length: faults }, (_, i): SyntheticEvent => {
    const who = (i * i + second) % COMMS.length
    const copied = i % 3 !== 0
    const oldPfn = 100_000 + ((i * 37 + second * 11) % 900_000)
    return {
      seq: second * 1_000_000 + i + 1,
      timeNs: startNs + Math.floor((i * 1e9) / Math.max(1, faults)),
      kind: i % 50 === 49 ? Kind.Fork : Kind.WpFault,
      outcome: i % 50 === 49 ? Outcome.None : copied ? Outcome.Copy : Outcome.Reuse,
      tgid: 800 + who,
      tid: 800 + who,
      mm: who + 1,
      ...(i % 50 === 49 ? childOf(second, i) : {}),
      vpn: 0x7f5e1c200 + (i % 4096),
      oldPfn,
      newPfn: copied ? oldPfn + 7 : oldPfn,
      refcount: copied ? 2 : 1,
      mapcount: copied ? 2 : 1,
      flags: Flag.Write | Flag.Anon,
    }
  })
  return [batchOf(events, processes), heartbeatAt(startNs + 999_999_999)]
}

/** Whom the `i`th event of a second forks. */
function childOf(second: number, i: number) {
  return { otherMm: second * 1000 + i, otherTgid: 2000 + ((second * 100 + i) % 30_000) }
}
