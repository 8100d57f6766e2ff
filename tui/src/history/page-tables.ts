import { Cause, type EdgeKind, type FactSink, FrameKind } from '../model/facts.js'
import { DEFAULT_PMD_ORDER } from '../model/page-size.js'
import type { Anomalies } from './anomalies.js'
import type { Clock, When } from './clock.js'
import { FrameTable } from './frames.js'
import type { Mm, Mms } from './mms.js'
import { SlotFlag, SlotTable } from './slots.js'

/** For slots that were deduced: no number of gaps is as large. */
export const NEVER_OBSERVED = 0xffff_ffff

/** A frame as an event names it. */
export interface FrameFacts {
  readonly pfn: number
  /** Of its folio. */
  readonly order: number
  readonly kind: FrameKind
  /** The event is about 2^run pages, contiguous and aligned in both spaces: mapped by a PMD, by hugetlb, or all at once. */
  readonly run: number
}

export interface PagesParts {
  readonly sink: FactSink
  readonly mms: Mms
  readonly clock: Clock
  readonly anomalies: Anomalies
  readonly maxSlots: number
  /** The bound was reached: `count` things that are alive were forgotten. */
  readonly onForgotten: (count: number, when: When) => void
  /** Frames of [pfn, pfn + count) are gone; `cause` is FrameFree, or Contradicted where they were found to be others. */
  readonly onFramesGone: (pfn: number, count: number, cause: Cause, when: When) => void
}

/**
 * The tables of slots and frames, how they hang together, and the facts of what begins and ends in them. Both are bounded.
 */
export class PageTables {
  readonly slots = new SlotTable()
  readonly frames = new FrameTable()
  /** Of what a PMD maps. Its run is taken apart where its pages part; larger ones (hugetlb) are mapped as one or not at all. */
  pmdOrder = DEFAULT_PMD_ORDER
  protected readonly parts: PagesParts
  protected readonly clock: Clock
  #lastFrame = 0
  #lastSlot = 0
  #lastEdge = 0

  constructor(parts: PagesParts) {
    this.parts = parts
    this.clock = parts.clock
  }

  pfnAt(row: number, vpn: number): number {
    return this.frames.pfnOf(this.slots.frameOf(row)) + (vpn - this.slots.vpnOf(row))
  }

  /** The frame's number in the recording; it is told if it was not. 0 for a row of -1. */
  frameId(row: number, when: When): number {
    return row < 0 ? 0 : this.#toldFrame(this.slots.frameOf(row), when)
  }

  /** From and to are numbers of the recording; nothing where one is 0, or where they are the same. */
  edge(kind: EdgeKind, from: number, to: number, mm: Mm | undefined, vpn: number, when: When): void {
    if (from === 0 || to === 0 || from === to) return
    this.parts.sink.edge(++this.#lastEdge, kind, from, to, mm?.id ?? 0, vpn, when.timeNs, when.seq)
  }

  edgeOfRows(kind: EdgeKind, from: number, to: number, when: When): void {
    this.edge(kind, this.#toldFrame(from, when), this.#toldFrame(to, when), undefined, 0, when)
  }

  /**
   * Each slot and run of the range. Runs that reach beyond it are taken apart before. By the page or by what is known,
   * whichever is less. `each` may end the row it is given, and none other of that address space.
   */
  forEachSlot(mm: Mm, vpn: number, pages: number, when: When, each: (row: number) => void): void {
    const { slots } = this
    if (slots.hasRuns) {
      this.#cut(mm, vpn, vpn, pages, when)
      this.#cut(mm, vpn + pages - 1, vpn, pages, when)
    }
    if (pages > mm.slots) {
      slots.forEachOf(mm, (row) => {
        const at = slots.vpnOf(row)
        if (at >= vpn && at < vpn + pages) each(row)
      })
      return
    }
    if (!slots.hasRuns) {
      slots.forEachIn(mm.id, vpn, pages, each)
      return
    }
    for (let at = vpn; at < vpn + pages;) {
      const row = slots.find(mm.id, at)
      const step = row < 0 ? 1 : slots.pagesOf(row)
      if (row >= 0) each(row)
      at += step
    }
  }

  /** A run's slots, each with a row of its own. They are told of when they are seen by themselves. */
  takeApart(run: number, mm: Mm, when: When): void {
    const { slots, frames } = this
    const pages = slots.pagesOf(run)
    if (slots.orderOf(run) > this.pmdOrder) {
      this.end(run, mm, Cause.Contradicted, when)
      return
    }
    if (!this.hasRoomFor(pages)) {
      this.end(run, mm, Cause.Forgotten, when)
      this.parts.onForgotten(pages, when)
      return
    }
    const vpn = slots.vpnOf(run)
    const head = slots.frameOf(run)
    const pfn = frames.pfnOf(head)
    // Linked before the run's row goes, so that no frame of it is without a slot, and forgotten.
    for (let page = 0; page < pages; page++) {
      const frame = page === 0 ? head : this.#untoldFrame(pfn + page, head, when)
      const row = slots.insert(mm, vpn + page, 0)
      slots.copy(run, row)
      slots.setSingle(row, frame)
      if (page > 0) slots.setTold(row, 0)
      slots.setFlags(row, slots.flagsOf(run) & ~SlotFlag.Whole)
      this.chain(row, frame)
      mm.slots++
    }
    this.#unlink(run, mm)
  }

  end(row: number, mm: Mm, cause: Cause, when: When): void {
    this.tellEnd(row, mm.id, cause, when)
    this.#unlink(row, mm)
  }

  /** Rows of runs that map frames of [pfn, pfn + count) and others besides are taken apart. */
  cutFrames(pfn: number, count: number, when: When): void {
    const { slots, frames } = this
    for (const at of [pfn, pfn + count - 1]) {
      const head = frames.findFolio(at)
      if (head < 0) continue
      const first = frames.pfnOf(head)
      for (let row = frames.firstSlotOf(head); row >= 0;) {
        const next = slots.links.next(row)
        const end = first + slots.pagesOf(row)
        if (slots.orderOf(row) > 0 && end > pfn && (first < pfn || end > pfn + count))
          this.takeApart(row, this.mmOf(row), when)
        row = next
      }
    }
  }

  mmOf(row: number): Mm {
    const mm = this.parts.mms.byId(this.slots.mmOf(row))
    if (mm === undefined) throw new Error('a slot of an address space that is not alive')
    return mm
  }

  #cut(mm: Mm, at: number, vpn: number, pages: number, when: When): void {
    const row = this.slots.find(mm.id, at)
    if (row < 0 || this.slots.orderOf(row) === 0) return
    const first = this.slots.vpnOf(row)
    if (first < vpn || first + this.slots.pagesOf(row) > vpn + pages) this.takeApart(row, mm, when)
  }

  protected insertFrame({ pfn, order, kind }: FrameFacts, when: When, gaps: number, isBorn: boolean): number {
    const { maxSlots } = this.parts
    // As many as there may be slots cannot be mapped, so that there is always something to forget.
    if (this.frames.size >= 2 * maxSlots || this.frames.blocks >= 1.5 * maxSlots) {
      const before = this.frames.size
      this.frames.forgetUnmapped(Math.ceil(maxSlots / 8))
      this.parts.onForgotten(before - this.frames.size, when)
    }
    return this.frames.insert(pfn, order, kind, gaps, isBorn)
  }

  /** A page of the folio of `head`. */
  #untoldFrame(pfn: number, head: number, when: When): number {
    const known = this.frames.find(pfn)
    if (known >= 0) return known
    const { frames } = this
    const kind = frames.kindOf(head) as FrameKind // only kinds are put in
    const facts = { pfn, order: frames.orderOf(head), kind, run: 0 }
    return this.insertFrame(facts, when, frames.gapsOf(head), frames.isBorn(head))
  }

  #toldFrame(frame: number, when: When): number {
    const { frames } = this
    const known = frames.idOf(frame)
    if (known !== 0) return known
    const id = ++this.#lastFrame
    frames.setId(frame, id)
    const kind = frames.kindOf(frame) as FrameKind // only kinds are put in
    this.parts.sink.frameSeen(id, frames.pfnOf(frame), frames.orderOf(frame), kind, when.timeNs, when.seq)
    return id
  }

  protected map(
    mm: Mm,
    vpn: number,
    order: number,
    frame: number,
    cause: Cause,
    when: When,
    gaps: number,
  ): number {
    const row = this.insertSlot(mm, vpn, order, when)
    this.fill(row, mm, vpn, order, frame, cause, when, gaps)
    return row
  }

  /** A mapping begins in a row that has its key, and maps nothing. */
  protected fill(
    row: number,
    mm: Mm,
    vpn: number,
    order: number,
    frame: number,
    cause: Cause,
    when: When,
    gaps: number,
  ): void {
    const isOwn = isOwnCopy(cause)
    const isWhole = order >= this.pmdOrder || (order > 0 && this.frames.kindOf(frame) === FrameKind.Hugetlb)
    const flags = (isOwn ? 0 : SlotFlag.MayBeShared) | (isWhole ? SlotFlag.Whole : 0)
    const told = this.#toldFrame(frame, when)
    const id = ++this.#lastSlot
    const { timeNs, seq } = when
    const brokenSeq = isOwn ? seq : 0
    this.slots.begin(row, order, frame, id, timeNs, gaps, this.clock.protections, brokenSeq, cause, flags)
    this.chain(row, frame)
    this.parts.sink.slotMapped(id, mm.id, vpn, told, timeNs, cause, seq, gaps !== NEVER_OBSERVED)
  }

  protected tellEnd(row: number, mm: number, cause: Cause, when: When): void {
    const { slots } = this
    const id = slots.idOf(row)
    if (id === 0) return
    // A late event must not end an interval before it began.
    const untilNs = Math.max(when.timeNs, slots.fromNsOf(row))
    this.parts.sink.slotEnded(id, untilNs, cause, when.seq, mm, slots.vpnOf(row))
  }

  /** Of slots that lie alone, there is room for half as many: each takes the memory of four. */
  protected hasRoomFor(pages: number): boolean {
    const { slots, parts } = this
    return slots.size + pages <= parts.maxSlots && slots.blocks < Math.ceil(parts.maxSlots / 2)
  }

  /** A row with its key, of which nothing else is known. */
  protected insertSlot(mm: Mm, vpn: number, order: number, when: When): number {
    if (!this.hasRoomFor(1)) this.#forgetSlots(when)
    mm.slots++
    return this.slots.insert(mm, vpn, order)
  }

  /** The interval of a row that was not told of is told, as of now. What mapped its page is still what it was. */
  protected tell(row: number, cause: Cause, when: When): void {
    const { slots } = this
    const frame = this.#toldFrame(slots.frameOf(row), when)
    const isCertain = slots.gapsOf(row) !== NEVER_OBSERVED
    const id = ++this.#lastSlot
    slots.setTold(row, id)
    const [mm, vpn] = [slots.mmOf(row), slots.vpnOf(row)]
    this.parts.sink.slotMapped(id, mm, vpn, frame, when.timeNs, cause, when.seq, isCertain)
  }

  /** The row, which maps the frame, is the first of those that do. */
  protected chain(row: number, frame: number): void {
    const { slots, frames } = this
    slots.links.add(row, frames.firstSlotOf(frame))
    frames.setFirstSlot(frame, row)
  }

  protected unchain(row: number): void {
    const { slots, frames } = this
    const frame = slots.frameOf(row)
    const first = frames.firstSlotOf(frame)
    const left = slots.links.remove(row, first)
    if (left !== first) frames.setFirstSlot(frame, left)
  }

  #unlink(row: number, mm: Mm): void {
    this.unchain(row)
    mm.slots--
    this.slots.remove(row, mm)
  }

  #forgetSlots(when: When): void {
    const count = Math.ceil(this.parts.maxSlots / 16)
    for (let left = count; left > 0; left--) {
      const row = this.slots.nextInRound()
      this.end(row, this.mmOf(row), Cause.Forgotten, when)
    }
    this.parts.onForgotten(count, when)
  }
}

function isOwnCopy(cause: Cause): boolean {
  return (
    cause === Cause.Copy || cause === Cause.Unshare || cause === Cause.AnonNew || cause === Cause.ForkCopy
  )
}
