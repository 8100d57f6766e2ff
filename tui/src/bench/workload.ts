/**
 * A host for the benchmarks, repeatable by its seed: preforked workers write to pages that they share, which copies or
 * reuses them, pin some for I/O, exit, and are forked anew from a sibling. Who maps a frame is kept, so that the events
 * are such as a kernel would tell: each first write to a shared page is a copy, the last owner reuses it, frames are
 * freed with their last mapping and given out again.
 */
import {
  NOTHING_SEEN,
  type AgentInfo,
  type EventColumns,
  type ProcessInfo,
  type StreamItem,
} from '../model/events.js'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from '../wire/columns.js'

export type Batch = StreamItem & { readonly type: 'batch' }

export const WORKLOAD_AGENT: AgentInfo = {
  bootId: '9d1c0f5e-0000-4000-8000-000000000011',
  agentVersion: '0.1.0',
  kernelRelease: '6.12.0-amd64',
  kernelVersion: '#1 SMP',
  kernelBootId: '9d1c0f5e-0000-4000-8000-000000000012',
  hostname: 'bench',
  cpus: 2,
  pageSize: 4096,
  wallClockOffsetNs: 1_790_000_000_000_000_000n,
  legs: ['wp-fault', 'gup', 'unpin', 'fork', 'exit', 'free'].map((name) => ({
    name,
    attached: true,
    hook: 'workload',
    reasons: [],
    ...NOTHING_SEEN,
  })),
}

/** As the agent cuts them. */
const BATCH = 1024
const PROCESSES = 50
const PAGES = 2000
const FIRST_VPN = 0x7f_5e1c_200
/** Twelve days after boot, an event each 10 us. */
const BEGIN_NS = 12 * 86_400e9
const NS_AN_EVENT = 10_000
/** A worker is replaced when so few of all pages are write-protected, so that there is always something to copy. */
const LEAST_PROTECTED = 0.3 * PROCESSES * PAGES
const FAULT = Flag.Write | Flag.User | Flag.Anon | Flag.VmaMaywrite | Flag.VmaAnon | Flag.Lru

interface Worker {
  tgid: number
  mm: number
  readonly pfns: Float64Array
  readonly writable: Uint8Array
}

export class Workload {
  readonly #workers: Worker[] = []
  readonly #mapcounts = new Map<number, number>()
  readonly #free: number[] = []
  #nextPfn = 0x10_0000
  #nextTgid = 1000
  #nextMm = 1
  #protected = 0
  #random: number
  #timeNs = BEGIN_NS
  #seq = 0
  #cursor = { worker: 0, page: 0, left: 0 }
  /** Pages that are pinned, each with the number of steps until it is unpinned. */
  #pins: { worker: number; page: number; left: number }[] = []
  #events: EventColumns = allocateColumns(BATCH)
  #filled = 0
  #processes: ProcessInfo[] = []
  #full: Batch[] = []

  constructor(seed = 1) {
    this.#random = seed
    const first = this.#begin()
    for (let page = 0; page < PAGES; page++) first.pfns[page] = this.#allocate()
    first.writable.fill(1)
    this.#workers.push(first)
  }

  /** The next batch of 1,024 events. */
  next(): Batch {
    for (;;) {
      const batch = this.#full.shift()
      if (batch !== undefined) return batch
      this.#step()
    }
  }

  #step(): void {
    for (const pin of this.#pins) pin.left--
    for (let pin = this.#pins.at(0); pin !== undefined && pin.left <= 0; pin = this.#pins.at(0)) {
      this.#pins.shift()
      this.#unpin(this.#workers[pin.worker], pin.page)
    }
    if (this.#workers.length < PROCESSES || this.#protected < LEAST_PROTECTED) {
      // What is pinned is copied at fork: I/O ends first, as it mostly does.
      for (const { worker, page } of this.#pins) this.#unpin(this.#workers[worker], page)
      this.#pins = []
      if (this.#workers.length === PROCESSES) this.#exit(this.#below(PROCESSES))
      this.#fork(this.#workers[this.#below(this.#workers.length)])
      return
    }
    const { worker, page } = this.#nextPage()
    const who = this.#workers[worker]
    if (who.writable[page] === 0) this.#write(who, page)
    else if (this.#below(40) === 0) this.#pin(worker, page)
  }

  #write(who: Worker, page: number): void {
    const old = who.pfns[page]
    const mapcount = this.#mapcounts.get(old) ?? 1
    const { events, i } = this.#event(Kind.WpFault, who)
    events.vpn[i] = FIRST_VPN + page
    events.pages[i] = 1
    events.oldPfn[i] = old
    events.refcount[i] = events.mapcount[i] = mapcount
    if (mapcount > 1) {
      this.#mapcounts.set(old, mapcount - 1)
      who.pfns[page] = this.#allocate()
      events.flags[i] = FAULT
      events.outcome[i] = Outcome.Copy
      events.newPfn[i] = who.pfns[page]
      events.newRefcount[i] = 1
    } else {
      events.flags[i] = FAULT | Flag.MadeExclusive | Flag.CountsAtDecision
      events.outcome[i] = Outcome.Reuse
      events.newPfn[i] = old
    }
    who.writable[page] = 1
    this.#protected--
  }

  #pin(worker: number, page: number): void {
    const who = this.#workers[worker]
    const { events, i } = this.#event(Kind.Gup, who)
    events.vpn[i] = FIRST_VPN + page
    events.pages[i] = 1
    events.oldPfn[i] = who.pfns[page]
    events.refcount[i] = 1025
    events.mapcount[i] = 1
    events.pincount[i] = 1
    events.flags[i] = Flag.Anon | Flag.Exclusive | Flag.VmaAnon | Flag.VmaMaywrite
    events.aux[i] = Foll.Write | Foll.Pin | Foll.Fast
    this.#pins.push({ worker, page, left: 20 })
  }

  #unpin(who: Worker, page: number): void {
    const { events, i } = this.#event(Kind.Unpin, who)
    events.oldPfn[i] = who.pfns[page]
    events.pages[i] = 1
  }

  #exit(index: number): void {
    const who = this.#workers[index]
    this.#workers.splice(index, 1)
    this.#event(Kind.MmExit, who)
    for (let page = 0; page < PAGES; page++) {
      if (who.writable[page] === 0) this.#protected--
      const pfn = who.pfns[page]
      const left = (this.#mapcounts.get(pfn) ?? 1) - 1
      this.#mapcounts.set(pfn, left)
      if (left > 0) continue
      const { events, i } = this.#event(Kind.FrameFree, undefined)
      events.oldPfn[i] = pfn
      this.#free.push(pfn)
    }
  }

  #fork(parent: Worker): void {
    const child = this.#begin()
    for (let page = 0; page < PAGES; page++) {
      const pfn = parent.pfns[page]
      child.pfns[page] = pfn
      this.#mapcounts.set(pfn, (this.#mapcounts.get(pfn) ?? 1) + 1)
      this.#protected += parent.writable[page] + 1
    }
    parent.writable.fill(0)
    this.#processes.push({
      tgid: child.tgid,
      parentTgid: parent.tgid,
      mm: child.mm,
      comm: 'worker',
      startTimeNs: this.#timeNs,
    })
    for (const kind of [Kind.Fork, Kind.ForkVma]) {
      const { events, i } = this.#event(kind, parent)
      events.otherMm[i] = child.mm
      events.otherTgid[i] = child.tgid
      if (kind === Kind.Fork) continue
      events.vpn[i] = FIRST_VPN
      events.pages[i] = PAGES
      events.flags[i] = Flag.VmaAnon | Flag.VmaMaywrite
    }
    this.#workers.push(child)
  }

  #begin(): Worker {
    const tgid = this.#nextTgid++
    return { tgid, mm: this.#nextMm++, pfns: new Float64Array(PAGES), writable: new Uint8Array(PAGES) }
  }

  #allocate(): number {
    const pfn = this.#free.pop() ?? this.#nextPfn++
    this.#mapcounts.set(pfn, 1)
    return pfn
  }

  /** Writes come in runs of consecutive pages. */
  #nextPage(): { readonly worker: number; readonly page: number } {
    const cursor = this.#cursor
    if (cursor.left === 0 || cursor.worker >= this.#workers.length) {
      cursor.worker = this.#below(this.#workers.length)
      cursor.page = this.#below(PAGES)
      cursor.left = 1 + this.#below(32)
    }
    cursor.left--
    cursor.page = (cursor.page + 1) % PAGES
    return cursor
  }

  #event(kind: Kind, who: Worker | undefined): { readonly events: EventColumns; readonly i: number } {
    if (this.#filled === BATCH) this.#cut()
    const i = this.#filled++
    const events = this.#events
    this.#timeNs += 1 + this.#below(2 * NS_AN_EVENT)
    events.seq[i] = ++this.#seq
    events.timeNs[i] = this.#timeNs
    events.kind[i] = kind
    if (who === undefined) return { events, i }
    events.cpu[i] = who.tgid & 1
    events.tgid[i] = events.tid[i] = who.tgid
    events.mm[i] = who.mm
    return { events, i }
  }

  #cut(): void {
    const firstSeq = this.#seq - BATCH + 1
    const processes = this.#processes
    this.#full.push({
      type: 'batch',
      firstSeq,
      lastSeq: this.#seq,
      filtered: 0,
      processes,
      stacks: [],
      events: this.#events,
    })
    this.#processes = []
    this.#events = allocateColumns(BATCH)
    this.#filled = 0
  }

  /** 0 .. below - 1. */
  #below(below: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#random / 2 ** 32) * below)
  }
}
