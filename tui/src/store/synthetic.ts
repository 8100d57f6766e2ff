/**
 * Test support: a plausible stream of events with the facts that a history would conclude, repeatable by its seed.
 * Processes write to runs of pages that they share: copies, some reuse, frees of what was replaced, now and then a fork.
 */
import { NOTHING_SEEN, type AgentInfo, type EventColumns } from '../model/events.js'
import { Cause, EdgeKind, FrameKind, type FactSink } from '../model/facts.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from './columns.js'

export const SYNTHETIC_AGENT: AgentInfo = {
  bootId: '9d1c0f5e-0000-4000-8000-000000000001',
  agentVersion: '0.1.0',
  kernelRelease: '6.12.0-amd64',
  kernelVersion: '#1 SMP',
  kernelBootId: '9d1c0f5e-0000-4000-8000-000000000002',
  hostname: 'synthetic',
  cpus: 2,
  pageSize: 4096,
  wallClockOffsetNs: 1_790_000_000_000_000_000n,
  legs: [
    {
      name: 'wp-fault',
      attached: true,
      hook: 'fentry+rmap',
      reasons: [],
      ...NOTHING_SEEN,
    },
  ],
}

const PROCESSES = 50
const PAGES_A_PROCESS = 2000
const FIRST_VPN = 0x7f0000000
const NS_AN_EVENT = 1100

interface Mapping {
  slot: number
  frame: number
}

export class SyntheticTrace {
  #seq = 0
  #timeNs = 5e9
  #frames = 0
  #slots = 0
  #edges = 0
  #random: number
  #mappings: Mapping[][] = []
  #replaced: { frame: number; pfn: number }[] = []
  #cursor = { process: 0, page: 0, left: 0 }

  constructor(seed: number) {
    this.#random = seed >>> 0
  }

  /** Address spaces and the pages that they had when tracing began. To be called once, first. */
  begin(sink: FactSink): void {
    for (let p = 0; p < PROCESSES; p++) {
      const tgid = 1000 + p
      const mm = p + 1
      sink.mm({
        mm,
        run: 1,
        agentMm: mm,
        parentMm: p === 0 ? 0 : 1,
        bornNs: this.#timeNs,
        bornBy: p === 0 ? 'seen' : 'fork',
      })
      sink.process({
        tgid,
        parentTgid: 1000,
        mm,
        comm: `worker/${p}`,
        startTimeNs: 1e9,
        seenNs: this.#timeNs,
      })
      this.#mappings.push([])
      for (let page = 0; page < PAGES_A_PROCESS; page++) {
        const frame = p === 0 ? this.#newFrame(sink) : this.#mappings[0][page].frame
        this.#map(sink, p, page, frame, p === 0 ? Cause.Seen : Cause.Fork)
      }
    }
  }

  /** The next `length` events, with their facts. */
  next(sink: FactSink, length: number): { firstSeq: number; lastSeq: number; events: EventColumns } {
    const events = allocateColumns(length)
    const firstSeq = this.#seq + 1
    for (let i = 0; i < length; i++) this.#event(sink, events, i)
    return { firstSeq, lastSeq: this.#seq, events }
  }

  #event(sink: FactSink, events: EventColumns, i: number): void {
    const dice = this.#next(100)
    const page = this.#nextPage()
    const process = this.#cursor.process
    const seq = ++this.#seq
    this.#timeNs += this.#next(2 * NS_AN_EVENT)
    const mapping = this.#mappings[process][page]
    events.seq[i] = seq
    events.timeNs[i] = this.#timeNs
    events.cpu[i] = process & 1
    if (dice >= 70 && this.#replaced.length > 0) {
      const gone = this.#replaced.splice(this.#next(Math.min(64, this.#replaced.length)), 1)[0]
      events.kind[i] = Kind.FrameFree
      events.oldPfn[i] = gone.pfn
      sink.frameFreed(gone.frame, this.#timeNs, seq)
      return
    }
    events.tgid[i] = events.tid[i] = 1000 + process
    events.mm[i] = process + 1
    events.vpn[i] = FIRST_VPN + page
    events.pages[i] = 1
    events.kind[i] = Kind.WpFault
    events.flags[i] = Flag.Write | Flag.User | Flag.Anon | Flag.VmaMaywrite | Flag.VmaAnon | Flag.Lru
    events.oldPfn[i] = pfnOf(mapping.frame)
    events.refcount[i] = events.mapcount[i] = 1 + this.#next(3)
    if (dice >= 40) {
      events.outcome[i] = Outcome.Reuse
      events.newPfn[i] = events.oldPfn[i]
      return
    }
    const old = mapping.frame
    sink.slotEnded(mapping.slot, this.#timeNs, Cause.Copy, seq, process + 1, FIRST_VPN + page)
    const frame = this.#newFrame(sink)
    this.#map(sink, process, page, frame, Cause.Copy)
    sink.edge(++this.#edges, EdgeKind.Copy, old, frame, process + 1, FIRST_VPN + page, this.#timeNs, seq)
    this.#replaced.push({ frame: old, pfn: pfnOf(old) })
    events.outcome[i] = Outcome.Copy
    events.newPfn[i] = pfnOf(frame)
    events.newRefcount[i] = 1
  }

  #newFrame(sink: FactSink): number {
    const frame = ++this.#frames
    sink.frameSeen(frame, pfnOf(frame), 0, FrameKind.Anon, this.#timeNs, this.#seq)
    return frame
  }

  #map(sink: FactSink, process: number, page: number, frame: number, cause: Cause): void {
    const slot = ++this.#slots
    sink.slotMapped(slot, process + 1, FIRST_VPN + page, frame, this.#timeNs, cause, this.#seq, true)
    this.#mappings[process][page] = { slot, frame }
  }

  /** Writes come in runs of consecutive pages. */
  #nextPage(): number {
    const cursor = this.#cursor
    if (cursor.left === 0) {
      cursor.process = this.#next(PROCESSES)
      cursor.page = this.#next(PAGES_A_PROCESS)
      cursor.left = 1 + this.#next(32)
    }
    cursor.left--
    cursor.page = (cursor.page + 1) % PAGES_A_PROCESS
    return cursor.page
  }

  /** 0 .. below - 1; xorshift32. */
  #next(below: number): number {
    let x = this.#random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#random = x >>> 0
    return this.#random % below
  }
}

/** Frames come from the allocator in small runs, not in order. */
function pfnOf(frame: number): number {
  return 0x100000 + ((Math.imul(frame >>> 3, 0x9e3779b1) >>> 13) << 3) + (frame & 7)
}
