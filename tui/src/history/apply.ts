import type { EventColumns } from '../model/events.js'
import { Cause, EdgeKind, type FactSink, FrameKind } from '../model/facts.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import type { Anomalies } from './anomalies.js'
import type { Mm, Mms } from './mms.js'
import type { FrameFacts, Pages, When } from './pages.js'
import type { Processes } from './processes.js'
import type { Rates } from './rates.js'

/** 1 GiB of base pages: the largest folio there is (a hugetlb page) on the machines that the agent runs on. */
const LARGEST_ORDER = 18
/** Page tables that fork copies, mm/memory.c, copy_page_range() > vma_needs_copy(); all else the child faults in. */
const COPIED_BY_FORK = Flag.VmaAnon | Flag.VmaUffdWp | Flag.VmaHugetlb

/** What the parts of the history are, for one event after the other. */
export interface Parts {
  readonly sink: FactSink
  readonly mms: Mms
  readonly pages: Pages
  readonly processes: Processes
  readonly rates: Rates
  readonly anomalies: Anomalies
}

/** Says what one event means. Any event may come at any time: what cannot be is an anomaly, never an error. */
export class Applier {
  readonly #parts: Parts
  readonly #when: When = { timeNs: 0, seq: 0 }
  #run = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  begin(run: number): void {
    this.#run = run
  }

  apply(events: EventColumns, i: number): void {
    this.#when.timeNs = events.timeNs[i]
    this.#when.seq = events.seq[i]
    const mm = this.#mmOf(events.mm[i], 'seen', 0)
    const kind = events.kind[i]
    this.#parts.rates.count(
      this.#parts.sink,
      events.timeNs[i],
      events.tgid[i],
      mm?.id ?? 0,
      kind,
      events.outcome[i],
      pagesOf(events, i),
    )
    switch (kind) {
      case Kind.WpFault:
      case Kind.HugeWp:
      case Kind.HugetlbWp:
        if (this.#isAlive(mm)) this.#fault(events, i, mm)
        return
      case Kind.Fork:
        this.#fork(events, i, mm)
        return
      case Kind.ForkVma:
        this.#forkVma(events, i, mm)
        return
      case Kind.ForkCopy:
        this.#forkCopy(events, i, mm)
        return
      case Kind.Unmap:
        if (this.#isAlive(mm))
          this.#parts.pages.endRange(mm, events.vpn[i], events.pages[i], Cause.Unmap, this.#when)
        return
      case Kind.Exec:
        this.#exec(events, i)
        return
      case Kind.MmExit:
        if (this.#isAlive(mm)) {
          this.#parts.pages.endMm(mm, this.#when)
          this.#parts.mms.end(mm, this.#when.timeNs, this.#when.seq)
        }
        return
      case Kind.FrameFree:
        this.#parts.pages.free(events.oldPfn[i], this.#orderOf(events, i), this.#when)
        return
      case Kind.AnonNew:
        if (this.#isAlive(mm)) this.#anonNew(events, i, mm)
        return
      default:
        this.#parts.anomalies.note('unknown-kind')
    }
  }

  #fault(events: EventColumns, i: number, mm: Mm): void {
    switch (events.outcome[i]) {
      case Outcome.Copy:
        this.#copied(events, i, mm, Cause.Copy, EdgeKind.Copy)
        return
      case Outcome.Unshare:
        this.#copied(events, i, mm, Cause.Unshare, EdgeKind.Unshare)
        return
      case Outcome.Reuse:
      case Outcome.Shared:
        this.#parts.pages.observe(mm, events.vpn[i], this.#oldFrame(events, i), this.#when)
        return
      case Outcome.None:
      case Outcome.Retry:
      case Outcome.UnshareNoop:
      case Outcome.Uffd:
      case Outcome.Fallback:
      case Outcome.Failed:
        // Told at the fault's end, when the lock is gone: what was mapped at its entry may be mapped no more.
        return
      default:
        this.#parts.anomalies.note('unknown-kind')
    }
  }

  #copied(events: EventColumns, i: number, mm: Mm, cause: Cause, kind: EdgeKind): void {
    const { pages, anomalies } = this.#parts
    const vpn = events.vpn[i]
    const from = pages.observe(mm, vpn, this.#oldFrame(events, i), this.#when)
    const pfn = events.newPfn[i]
    if (pfn === 0 || pfn === events.oldPfn[i]) {
      anomalies.note('copy-without-frame')
      if (pfn === 0) pages.endRange(mm, vpn, 1, cause, this.#when)
      return
    }
    // A PTE fault copies one base page, also out of a large folio.
    const order = events.kind[i] === Kind.WpFault ? 0 : this.#orderOf(events, i)
    const to = pages.mapNew(mm, vpn, { pfn, order, kind: FrameKind.Anon }, cause, this.#when)
    if (from !== 0) pages.edge(kind, from, to, mm, vpn, this.#when)
  }

  #fork(events: EventColumns, i: number, parent: Mm | undefined): void {
    const child = this.#mmOf(events.otherMm[i], 'fork', parent?.id ?? 0)
    // vfork and CLONE_VM: a process, but no memory was forked.
    if (child === parent) return
    this.#parts.sink.fork({
      parentMm: parent?.id ?? 0,
      childMm: child?.id ?? 0,
      parentTgid: events.tgid[i],
      childTgid: events.otherTgid[i],
      timeNs: this.#when.timeNs,
      seq: this.#when.seq,
    })
  }

  #forkVma(events: EventColumns, i: number, parent: Mm | undefined): void {
    const child = this.#mmOf(events.otherMm[i], 'fork', parent?.id ?? 0)
    const flags = events.flags[i]
    const isCopied = (flags & COPIED_BY_FORK) !== 0 && (flags & Flag.VmaWipeonfork) === 0
    // A fork that failed half way ends the child before it has run.
    if (!isCopied || events.outcome[i] === Outcome.Failed) return
    if (!this.#isAlive(parent) || !this.#isAlive(child) || parent === child) return
    this.#parts.pages.share(parent, child, events.vpn[i], events.pages[i], this.#when)
  }

  #forkCopy(events: EventColumns, i: number, parent: Mm | undefined): void {
    const { pages, anomalies } = this.#parts
    const child = this.#mmOf(events.otherMm[i], 'fork', parent?.id ?? 0)
    if (!this.#isAlive(parent) || !this.#isAlive(child)) return
    const vpn = events.vpn[i]
    const from = pages.observe(parent, vpn, this.#oldFrame(events, i), this.#when)
    const pfn = events.newPfn[i]
    if (pfn === 0 || pfn === events.oldPfn[i]) {
      anomalies.note('copy-without-frame')
      return
    }
    const fresh = { pfn, order: 0, kind: FrameKind.Anon }
    const to = pages.mapNew(child, vpn, fresh, Cause.ForkCopy, this.#when)
    if (from !== 0) pages.edge(EdgeKind.ForkCopy, from, to, child, vpn, this.#when)
  }

  #exec(events: EventColumns, i: number): void {
    const mm = this.#mmOf(events.otherMm[i], 'exec', 0)
    if (mm === undefined) return
    this.#parts.processes.moved(events.tgid[i], mm.agentMm, mm.id, this.#when.timeNs)
  }

  #anonNew(events: EventColumns, i: number, mm: Mm): void {
    const { pages, anomalies } = this.#parts
    const pfn = events.newPfn[i]
    if (pfn === 0) return
    const vpn = events.vpn[i]
    const order = this.#orderOf(events, i)
    // A large folio may replace small ones (khugepaged); a base page comes where nothing was.
    if (order === 0 && pages.isMapped(mm, vpn)) anomalies.note('new-frame-over-mapped')
    pages.endRange(mm, vpn, 2 ** order, Cause.AnonNew, this.#when)
    pages.mapNew(mm, vpn, { pfn, order, kind: FrameKind.Anon }, Cause.AnonNew, this.#when)
  }

  #mmOf(agentMm: number, bornBy: 'seen' | 'fork' | 'exec', parentMm: number): Mm | undefined {
    if (agentMm === 0) return undefined
    const { mms, processes } = this.#parts
    const known = mms.known(agentMm)
    if (known !== undefined) return known
    const { timeNs: bornNs } = this.#when
    const mm = mms.begin({ run: this.#run, agentMm, parentMm, bornNs, bornBy })
    processes.met(agentMm, mm.id, bornNs)
    return mm
  }

  #isAlive(mm: Mm | undefined): mm is Mm {
    if (mm?.hasEnded) this.#parts.anomalies.note('event-after-exit')
    return mm !== undefined && !mm.hasEnded
  }

  #oldFrame(events: EventColumns, i: number): FrameFacts {
    return { pfn: events.oldPfn[i], order: this.#orderOf(events, i), kind: frameKind(events.flags[i]) }
  }

  #orderOf(events: EventColumns, i: number): number {
    const order = events.order[i]
    if (order <= LARGEST_ORDER) return order
    this.#parts.anomalies.note('impossible-order')
    return 0
  }
}

function frameKind(flags: number): FrameKind {
  if ((flags & Flag.Zero) !== 0) return FrameKind.Zero
  if ((flags & Flag.Ksm) !== 0) return FrameKind.Ksm
  if ((flags & Flag.Hugetlb) !== 0) return FrameKind.Hugetlb
  if ((flags & Flag.Anon) !== 0) return FrameKind.Anon
  if ((flags & Flag.File) !== 0) return FrameKind.File
  return FrameKind.Unknown
}

/** Base pages that the event is about. */
function pagesOf(events: EventColumns, i: number): number {
  if (events.pages[i] !== 0) return events.pages[i]
  switch (events.kind[i]) {
    case Kind.WpFault:
    case Kind.ForkCopy:
      return 1
    case Kind.HugeWp:
    case Kind.HugetlbWp:
    case Kind.FrameFree:
    case Kind.AnonNew:
      return 2 ** Math.min(events.order[i], LARGEST_ORDER)
    default:
      return 0
  }
}
