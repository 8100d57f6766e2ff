import type { AgentInfo, EventColumns, StreamItem } from '../../model/events.js'
import { Kind, Outcome } from '../../model/kinds.js'
import { allocateColumns } from '../columns.js'

/** Test support: agents and events without a kernel, the same on every run. */

export function madeUpAgent(bootId = 'run-1'): AgentInfo {
  return {
    bootId,
    agentVersion: '0.1.0',
    kernelRelease: '6.1.0-32-amd64',
    kernelVersion: '#1 SMP Debian',
    kernelBootId: 'boot-1',
    hostname: 'db-7',
    cpus: 2,
    pageSize: 4096,
    wallClockOffsetNs: 0n,
    legs: [],
  }
}

export type BatchItem = StreamItem & { readonly type: 'batch' }

/** Copies, one an event: event n of every run is the same wherever batches are cut. */
export function madeUpBatch(firstSeq: number, count: number): BatchItem {
  const events = allocateColumns(count)
  for (let i = 0; i < count; i++) fill(events, i, firstSeq + i)
  return {
    type: 'batch',
    firstSeq,
    lastSeq: firstSeq + count - 1,
    filtered: 0,
    processes: [],
    stacks: [],
    events,
  }
}

function fill(events: EventColumns, i: number, seq: number): void {
  events.seq[i] = seq
  events.timeNs[i] = 5e12 + seq * 1100
  events.kind[i] = Kind.WpFault
  events.outcome[i] = Outcome.Copy
  events.cpu[i] = seq % 2
  events.tgid[i] = 4000 + (seq % 50)
  events.tid[i] = 4000 + (seq % 50)
  events.mm[i] = 1 + (seq % 50)
  events.vpn[i] = 0x7f_5e1c_200 + ((seq * 37) % 2000)
  events.pages[i] = 1
  events.oldPfn[i] = 1_000_000 + ((seq * 7919) % 500_000)
  events.newPfn[i] = 2_000_000 + ((seq * 7919) % 500_000)
  events.flags[i] = 0x4_2019
  events.refcount[i] = 2
  events.mapcount[i] = 2
  events.newRefcount[i] = 1
}
