import type { EventColumns } from '../model/events.js'
import { Cause, FrameKind } from '../model/facts.js'
import { Flag, Foll, Kind, Mapping, Outcome, Protection } from '../model/kinds.js'
import type { When } from './clock.js'
import { fault, forkCopy } from './faults.js'
import type { Mm } from './mms.js'
import {
  collapse,
  folioSplit,
  ksmMerge,
  migrate,
  pmdSplit,
  remap,
  snapshot,
  swapIn,
  swapOut,
} from './moves.js'
import type { Parts } from './parts.js'
import { BY_FORK } from './protections.js'
import { alignedTo, isPossible, pagesOf } from './reading.js'
import { gup, unpin } from './references.js'
import { Swaps } from './swaps.js'
import type { VmaTold } from './vmas.js'

/** Page tables that fork copies, mm/memory.c, copy_page_range() > vma_needs_copy(); all else the child faults in. */
const COPIED_BY_FORK = Flag.VmaAnon | Flag.VmaUffdWp | Flag.VmaHugetlb

const MAPPING_BITS = Object.values(Mapping).reduce<number>((all, bit) => all | bit, 0)
/** Flags that stay what they are while a vma does; whether it has an anon_vma does not. */
const ABOUT_VMA = Flag.VmaShared | Flag.VmaMaywrite | Flag.VmaUffdWp | Flag.VmaWipeonfork | Flag.VmaHugetlb

/** Says what one event means. Any event may come at any time: what cannot be is an anomaly, never an error. */
export class Applier {
  readonly #parts: Parts
  readonly #swaps: Swaps
  readonly #when: When = { timeNs: 0, seq: 0 }
  #run = 0

  constructor(parts: Parts) {
    this.#parts = parts
    this.#swaps = new Swaps(parts.clock)
  }

  begin(run: number): void {
    this.#run = run
    this.#swaps.clear()
  }

  /** Whose address space event i is about: to be known before anyone looks at the event. */
  meet(events: EventColumns, i: number): Mm | undefined {
    this.#when.timeNs = events.timeNs[i]
    this.#when.seq = events.seq[i]
    const mm = this.#mmOf(events.mm[i], 'seen', 0)
    if (mm !== undefined && isByOwner(events, i)) mm.tgid = events.tgid[i]
    return mm
  }

  /** What event i means, whose address space was met. */
  apply(events: EventColumns, i: number, mm: Mm | undefined): void {
    const { pages, anomalies } = this.#parts
    const when = this.#when
    const kind = events.kind[i]
    this.#count(events, i, mm)
    if (!isPossible(events, i)) {
      anomalies.note('impossible-range', when)
      return
    }
    switch (kind) {
      case Kind.Fork:
        this.#fork(events, i, mm)
        return
      case Kind.ForkVma:
        this.#forkVma(events, i, mm)
        return
      case Kind.ForkCopy:
        this.#forkCopy(events, i, mm)
        return
      case Kind.Exec:
        this.#exec(events, i)
        return
      case Kind.FrameFree:
        pages.free(events.oldPfn[i], events.order[i], when)
        return
      case Kind.Unpin:
        unpin(this.#parts, events, i, when)
        return
      case Kind.Migrate:
        migrate(this.#parts, events, i, when)
        return
      case Kind.FolioSplit:
        folioSplit(this.#parts, events, i, when)
        return
      default:
        if (kind === Kind.Unspecified || kind > Kind.Snapshot) anomalies.note('unknown-kind', when)
        else if (this.#isAlive(mm)) this.#inMm(events, i, mm)
    }
  }

  #count(events: EventColumns, i: number, mm: Mm | undefined): void {
    const { rates, vmas, sink } = this.#parts
    const kind = events.kind[i]
    const isPlaced = mm !== undefined && isWriteFault(kind)
    const vma = isPlaced ? vmas.at(mm, events.vpn[i]) : 0
    const stack = isPlaced ? events.stack[i] : 0
    const { timeNs } = this.#when
    const pages = pagesOf(events, i)
    rates.count(sink, timeNs, events.tgid[i], mm?.id ?? 0, kind, events.outcome[i], pages, vma, stack)
  }

  #inMm(events: EventColumns, i: number, mm: Mm): void {
    const when = this.#when
    const parts = this.#parts
    switch (events.kind[i]) {
      case Kind.WpFault:
      case Kind.HugeWp:
      case Kind.HugetlbWp:
        fault(parts, events, i, mm, when)
        return
      case Kind.AnonNew:
        this.#anonNew(events, i, mm)
        return
      case Kind.Unmap:
        parts.pages.endRange(mm, events.vpn[i], events.pages[i], Cause.Unmap, when)
        return
      case Kind.MmExit:
        parts.pages.endMm(mm, Cause.MmExit, when)
        parts.vmas.forget(mm)
        parts.mms.end(mm, when.timeNs, when.seq)
        return
      case Kind.Gup:
        gup(parts, events, i, mm, when)
        return
      case Kind.Wrprotect:
        this.#protect(events, i, mm)
        return
      case Kind.UffdMessage:
        // Says nothing of what is mapped; who judges has seen it.
        return
      case Kind.PmdSplit:
        pmdSplit(parts, events, i, mm, when)
        return
      case Kind.Collapse:
        collapse(parts, events, i, mm, when)
        return
      case Kind.SwapOut:
        swapOut(parts, this.#swaps, events, i, mm, when)
        return
      case Kind.SwapIn:
        swapIn(parts, this.#swaps, events, i, mm, when)
        return
      case Kind.KsmMerge:
        ksmMerge(parts, events, i, mm, when)
        return
      case Kind.Remap:
        remap(parts, events, i, mm, when)
        return
      case Kind.Snapshot:
        snapshot(parts, events, i, mm, when)
        return
      default:
        parts.anomalies.note('unknown-kind', when)
    }
  }

  #fork(events: EventColumns, i: number, parent: Mm | undefined): void {
    const child = this.#mmOf(events.otherMm[i], 'fork', parent?.id ?? 0)
    // vfork and CLONE_VM: a process, but no memory was forked.
    if (child === parent) return
    if (child !== undefined) child.tgid = events.otherTgid[i]
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
    if (!this.#isAlive(parent) || !this.#isAlive(child) || parent === child) return
    if (events.pages[i] > 0) this.#parts.vmas.forked(parent, child, vmaTold(events, i), this.#when)
    if (!isCopied) return
    if (events.outcome[i] === Outcome.Failed) {
      // The child ends before it has run; how far the parent's pages were write-protected for it is not known.
      this.#parts.pages.shareInPassing(parent, events.vpn[i], events.pages[i], this.#when)
      if ((flags & Flag.VmaShared) === 0) this.#protectRange(events, i, parent, BY_FORK)
      return
    }
    this.#parts.pages.share(parent, child, events.vpn[i], events.pages[i], this.#when)
    if ((flags & Flag.VmaShared) !== 0) return
    for (const mm of [parent, child]) this.#protectRange(events, i, mm, BY_FORK)
  }

  #forkCopy(events: EventColumns, i: number, parent: Mm | undefined): void {
    const child = this.#mmOf(events.otherMm[i], 'fork', parent?.id ?? 0)
    if (!this.#isAlive(parent) || !this.#isAlive(child)) return
    forkCopy(this.#parts, events, i, parent, child, this.#when)
  }

  #exec(events: EventColumns, i: number): void {
    const mm = this.#mmOf(events.otherMm[i], 'exec', 0)
    if (mm === undefined) return
    mm.tgid = events.tgid[i]
    this.#parts.processes.moved(events.tgid[i], mm.agentMm, mm.id, this.#when.timeNs)
  }

  #anonNew(events: EventColumns, i: number, mm: Mm): void {
    const { pages, anomalies } = this.#parts
    const pfn = events.newPfn[i]
    if (pfn === 0) return
    const vpn = events.vpn[i]
    const order = events.order[i]
    const isAligned = vpn === alignedTo(vpn, order) && pfn === alignedTo(pfn, order)
    // A large folio may replace small ones (khugepaged); a base page comes where nothing was.
    if (order === 0 && pages.isMapped(mm, vpn)) anomalies.note('new-frame-over-mapped', this.#when)
    pages.endRange(mm, vpn, 1 << order, Cause.AnonNew, this.#when)
    const isHugetlb = (events.flags[i] & (Flag.Hugetlb | Flag.VmaHugetlb)) !== 0
    const kind = isHugetlb ? FrameKind.Hugetlb : FrameKind.Anon
    const isMappedWhole = isAligned && (isHugetlb || order <= pages.pmdOrder)
    pages.mapNew(mm, vpn, { pfn, order, kind, run: isMappedWhole ? order : 0 }, Cause.AnonNew, this.#when)
  }

  #protect(events: EventColumns, i: number, mm: Mm): void {
    switch (events.aux[i]) {
      case Protection.Mprotect:
      case Protection.UffdWp:
      case Protection.Numa:
      case Protection.SoftDirty:
      case Protection.Ksm:
        this.#protectRange(events, i, mm, events.aux[i])
        return
      case Protection.MprotectWritable:
      case Protection.UffdWpResolve:
        // The pages stay as they are until a fault makes them writable.
        return
      default:
        this.#parts.anomalies.note('unknown-kind', this.#when)
    }
  }

  #protectRange(events: EventColumns, i: number, mm: Mm, by: number): void {
    const vpn = events.vpn[i]
    mm.protections.add({
      vpn,
      end: vpn + Math.max(1, events.pages[i]),
      by,
      tgid: events.tgid[i],
      timeNs: this.#when.timeNs,
      number: ++this.#parts.clock.protections,
    })
  }

  #mmOf(agentMm: number, bornBy: 'seen' | 'fork' | 'exec', parentMm: number): Mm | undefined {
    if (agentMm === 0) return undefined
    const { mms, processes } = this.#parts
    const known = mms.known(agentMm)
    if (known !== undefined) return known
    this.#makeRoom()
    const { timeNs: bornNs } = this.#when
    const mm = mms.begin({ run: this.#run, agentMm, parentMm, bornNs, bornBy })
    processes.met(agentMm, mm.id, bornNs)
    return mm
  }

  #makeRoom(): void {
    const { mms, pages, vmas, onForgotten } = this.#parts
    const overdue = mms.overdue()
    for (const mm of overdue) {
      pages.endMm(mm, Cause.Forgotten, this.#when)
      vmas.forget(mm)
      mms.forget(mm)
    }
    if (overdue.length > 0) onForgotten(overdue.length, this.#when)
  }

  #isAlive(mm: Mm | undefined): mm is Mm {
    if (mm === undefined) this.#parts.anomalies.note('event-without-mm', this.#when)
    else if (mm.hasEnded) this.#parts.anomalies.note('event-after-exit', this.#when)
    return mm !== undefined && !mm.hasEnded
  }
}

/** Of which are told in which vma, and by which code, they were. */
function isWriteFault(kind: number): boolean {
  return kind === Kind.WpFault || kind === Kind.HugeWp || kind === Kind.HugetlbWp || kind === Kind.ForkCopy
}

function vmaTold(events: EventColumns, i: number): VmaTold {
  const vpn = events.vpn[i]
  const flags = events.flags[i] & ABOUT_VMA
  return { vpn, end: vpn + events.pages[i], flags, mapping: events.aux[i] & MAPPING_BITS }
}

/** Whether the task of event i lives in the address space that the event is about. */
function isByOwner(events: EventColumns, i: number): boolean {
  switch (events.kind[i]) {
    case Kind.WpFault:
    case Kind.HugeWp:
    case Kind.HugetlbWp:
      return (events.flags[i] & Flag.Remote) === 0
    case Kind.Gup:
      return (events.aux[i] & Foll.Remote) === 0
    case Kind.Fork:
    case Kind.ForkVma:
      return true
    default:
      return false
  }
}
