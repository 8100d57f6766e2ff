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
   * whichever is less. `each` may end the row it is given.
   */
  forEachSlot(mm: Mm, vpn: number, pages: number, when: When, each: (row: number) => void): void {
    const { slots } = this
    if (slots.hasRuns) {
      this.#cut(mm, vpn, vpn, pages, when)
      this.#cut(mm, vpn + pages - 1, vpn, pages, when)
    }
    if (pages > mm.slots) {
      for (let row = mm.firstSlot; row >= 0;) {
        const next = slots.nextOfMm[row]
        const at = slots.vpnOf(row)
        if (at >= vpn && at < vpn + pages) each(row)
        row = next
      }
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
    if (slots.size + pages > this.parts.maxSlots) {
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
      const row = slots.insert(mm.id, vpn + page, 0)
      slots.id[row] = page === 0 ? slots.id[run] : 0
      slots.fromNs[row] = slots.fromNs[run]
      slots.brokenSeq[row] = slots.brokenSeq[run]
      slots.setGaps(row, slots.gapsOf(run))
      slots.setProtections(row, slots.protectionsOf(run))
      slots.setCause(row, slots.causeOf(run))
      slots.setFlags(row, slots.flagsOf(run) & ~SlotFlag.Whole)
      this.#chain(row, mm, frame)
    }
    this.#unlink(run, mm)
  }

  end(row: number, mm: Mm, cause: Cause, when: When): void {
    this.tellEnd(row, cause, when)
    this.#unlink(row, mm)
  }

  /** Rows of runs that map frames of [pfn, pfn + count) and others besides are taken apart. */
  cutFrames(pfn: number, count: number, when: When): void {
    const { slots, frames } = this
    for (const at of [pfn, pfn + count - 1]) {
      const head = frames.findFolio(at)
      if (head < 0) continue
      const first = frames.pfnOf(head)
      for (let row = frames.firstSlot[head]; row >= 0;) {
        const next = slots.nextOfFrame[row]
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

  protected insertFrame({ pfn, order, kind }: FrameFacts, when: When): number {
    // As many as there may be slots cannot be mapped, so that there is always something to forget.
    if (this.frames.size >= 2 * this.parts.maxSlots) {
      const before = this.frames.size
      this.frames.forgetUnmapped(Math.ceil(this.parts.maxSlots / 8))
      this.parts.onForgotten(before - this.frames.size, when)
    }
    const frame = this.frames.insert(pfn, order)
    this.frames.kind[frame] = kind
    this.frames.gaps[frame] = this.clock.gaps
    return frame
  }

  /** A page of the folio of `head`. */
  #untoldFrame(pfn: number, head: number, when: When): number {
    const known = this.frames.find(pfn)
    if (known >= 0) return known
    const { order, kind, gaps, born } = this.frames
    const facts = { pfn, order: order[head], kind: kind[head] as FrameKind, run: 0 } // only kinds are put in
    const [headGaps, headBorn] = [gaps[head], born[head]]
    const frame = this.insertFrame(facts, when)
    this.frames.gaps[frame] = headGaps
    this.frames.born[frame] = headBorn
    return frame
  }

  #toldFrame(frame: number, when: When): number {
    const { frames } = this
    if (frames.id[frame] === 0) {
      frames.id[frame] = ++this.#lastFrame
      const kind = frames.kind[frame] as FrameKind // only kinds are put in
      this.parts.sink.frameSeen(
        this.#lastFrame,
        frames.pfnOf(frame),
        frames.order[frame],
        kind,
        when.timeNs,
        when.seq,
      )
    }
    return frames.id[frame]
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
    const row = this.insertSlot(mm, vpn, order, frame, when)
    this.fill(row, cause, when, gaps)
    return row
  }

  /** A mapping begins in a row that has its key, its order and its frame. */
  protected fill(row: number, cause: Cause, when: When, gaps: number): void {
    const { slots } = this
    const order = slots.orderOf(row)
    slots.fromNs[row] = when.timeNs
    slots.setGaps(row, gaps)
    slots.setProtections(row, this.clock.protections)
    const isOwn = isOwnCopy(cause)
    slots.brokenSeq[row] = isOwn ? when.seq : 0
    const isWhole =
      order >= this.pmdOrder || (order > 0 && this.frames.kind[slots.frameOf(row)] === FrameKind.Hugetlb)
    slots.setFlags(row, (isOwn ? 0 : SlotFlag.MayBeShared) | (isWhole ? SlotFlag.Whole : 0))
    this.tell(row, cause, when)
  }

  protected tellEnd(row: number, cause: Cause, when: When): void {
    const { slots } = this
    if (slots.id[row] === 0) return
    // A late event must not end an interval before it began.
    const untilNs = Math.max(when.timeNs, slots.fromNs[row])
    this.parts.sink.slotEnded(slots.id[row], untilNs, cause, when.seq, slots.mmOf(row), slots.vpnOf(row))
  }

  protected insertSlot(mm: Mm, vpn: number, order: number, frame: number, when: When): number {
    if (this.slots.size >= this.parts.maxSlots) this.#forgetSlots(when)
    const row = this.slots.insert(mm.id, vpn, order)
    this.slots.id[row] = 0
    this.slots.fromNs[row] = when.timeNs
    this.#chain(row, mm, frame)
    return row
  }

  protected tell(row: number, cause: Cause, when: When): void {
    const { slots } = this
    const frame = this.#toldFrame(slots.frameOf(row), when)
    const isCertain = slots.gapsOf(row) !== NEVER_OBSERVED
    slots.id[row] = ++this.#lastSlot
    slots.setCause(row, cause)
    this.parts.sink.slotMapped(
      this.#lastSlot,
      slots.mmOf(row),
      slots.vpnOf(row),
      frame,
      when.timeNs,
      cause,
      when.seq,
      isCertain,
    )
  }

  #chain(row: number, mm: Mm, frame: number): void {
    const { slots } = this
    this.chainFrame(row, frame)
    link(slots.nextOfMm, slots.prevOfMm, row, mm.firstSlot)
    mm.firstSlot = row
    mm.slots++
  }

  protected chainFrame(row: number, frame: number): void {
    const { slots, frames } = this
    slots.setFrame(row, frame)
    link(slots.nextOfFrame, slots.prevOfFrame, row, frames.firstSlot[frame])
    frames.firstSlot[frame] = row
  }

  protected unchain(row: number): void {
    const { slots, frames } = this
    const frame = slots.frameOf(row)
    if (frames.firstSlot[frame] === row) frames.firstSlot[frame] = slots.nextOfFrame[row]
    unlink(slots.nextOfFrame, slots.prevOfFrame, row)
  }

  #unlink(row: number, mm: Mm): void {
    const { slots } = this
    this.unchain(row)
    if (mm.firstSlot === row) mm.firstSlot = slots.nextOfMm[row]
    unlink(slots.nextOfMm, slots.prevOfMm, row)
    mm.slots--
    slots.remove(row)
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

function link(next: Int32Array, prev: Int32Array, row: number, first: number): void {
  next[row] = first
  prev[row] = -1
  if (first >= 0) prev[first] = row
}

function unlink(next: Int32Array, prev: Int32Array, row: number): void {
  if (prev[row] >= 0) next[prev[row]] = next[row]
  if (next[row] >= 0) prev[next[row]] = prev[row]
}
