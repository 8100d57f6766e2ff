import { Cause, type EdgeKind, type FactSink, FrameKind } from '../model/facts.js'
import type { Anomalies } from './anomalies.js'
import type { Clock, When } from './clock.js'
import { FrameTable } from './frames.js'
import type { Mm, Mms } from './mms.js'
import { SlotFlag, SlotTable } from './slots.js'

/** For slots that were deduced: no number of gaps is as large. */
const NEVER_OBSERVED = 0xffff_ffff
/** Of what a PMD maps. Its run is taken apart where its pages part; larger ones (hugetlb) are mapped as one or not at all. */
export const PMD_ORDER = 9

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

/** What is known of slots and frames: at any time a slot maps one frame or none, and both tables are bounded. */
export class Pages {
  readonly slots = new SlotTable()
  readonly frames = new FrameTable()
  readonly #parts: PagesParts
  readonly #clock: Clock
  #lastFrame = 0
  #lastSlot = 0
  #lastEdge = 0

  constructor(parts: PagesParts) {
    this.#parts = parts
    this.#clock = parts.clock
  }

  /** The slot was seen to map this frame. Returns the row, -1 where there is no frame. */
  observe(mm: Mm, vpn: number, seen: FrameFacts, when: When, cause: Cause = Cause.Seen): number {
    if (seen.pfn === 0) return -1
    const known = this.slots.find(mm.id, vpn)
    if (known >= 0) {
      const row = this.#confirmed(known, mm, vpn, seen, when)
      if (row >= 0) return row
    }
    this.endRange(mm, vpn, 2 ** seen.run, Cause.Contradicted, when)
    const frame = this.#frameOf(seen, when)
    return this.#map(mm, vpn, seen.run, frame, cause, when, this.#clock.gaps)
  }

  /**
   * Slots of a range were seen to map frames one after the other. Runs that are known stay as they are, unless the range
   * parts them and a gap has made them uncertain.
   */
  observeRange(
    mm: Mm,
    vpn: number,
    pages: number,
    seen: FrameFacts,
    when: When,
    cause: Cause = Cause.Seen,
  ): void {
    const { slots } = this
    for (let at = vpn; at < vpn + pages;) {
      const pfn = seen.pfn + (at - vpn)
      const row = slots.find(mm.id, at)
      const isRun = row >= 0 && slots.order[row] > 0 && this.pfnAt(row, at) === pfn
      if (!isRun) {
        this.observe(mm, at, { ...seen, pfn }, when, cause)
        at += 2 ** seen.run
        continue
      }
      const first = slots.vpnOf(row)
      const end = first + slots.pagesOf(row)
      const isWhole = seen.run >= slots.order[row] || (first >= vpn && end <= vpn + pages)
      if (isWhole)
        this.observe(mm, first, { ...seen, pfn: pfn - (at - first), run: slots.order[row] }, when, cause)
      else if (slots.gaps[row] !== this.#clock.gaps) {
        this.observe(mm, at, { ...seen, pfn, run: 0 }, when, cause)
        at++
        continue
      }
      at = end
    }
  }

  /** The slot was seen to map this frame because of `cause`. Its old mapping is over. */
  mapSeen(mm: Mm, vpn: number, seen: FrameFacts, cause: Cause, when: When): number {
    this.endRange(mm, vpn, 2 ** seen.run, cause, when)
    const frame = this.#frameOf(seen, when)
    return this.#map(mm, vpn, seen.run, frame, cause, when, this.#clock.gaps)
  }

  /** The slot maps a folio that begins its life here. */
  mapNew(mm: Mm, vpn: number, fresh: FrameFacts, cause: Cause, when: When): number {
    this.endRange(mm, vpn, 2 ** fresh.run, cause, when)
    const frame = this.beginFrame(fresh, when)
    return this.#map(mm, vpn, fresh.run, frame, cause, when, this.#clock.gaps)
  }

  /** The page of `row`, which is no run, got a copy of its own: as `mapNew`, and faster. */
  replace(row: number, mm: Mm, fresh: FrameFacts, cause: Cause, when: When): number {
    const { slots } = this
    const vpn = slots.vpnOf(row)
    // What is new may have been known to be where the old was, and end it.
    this.endStale(fresh.pfn, 1, when)
    const frame = this.beginFramesPage(fresh, when)
    if (slots.find(mm.id, vpn) !== row) return this.#map(mm, vpn, 0, frame, cause, when, this.#clock.gaps)
    this.#tellEnd(row, cause, when)
    this.#unchain(row)
    this.#chainFrame(row, frame)
    this.#fill(row, cause, when, this.#clock.gaps)
    return row
  }

  /** A folio begins its life: what was known of its frames is over. Returns the row of its first. */
  beginFrame(fresh: FrameFacts, when: When): number {
    this.endStale(fresh.pfn, 2 ** Math.max(fresh.order, fresh.run), when)
    return this.beginFramesPage(fresh, when)
  }

  /** New folios will be here: what was known of these frames is over. */
  endStale(pfn: number, count: number, when: When): void {
    if (this.#endFrames(pfn, count, Cause.Contradicted, when))
      this.#parts.anomalies.note('frame-not-freed', when)
  }

  /** One page of a folio that begins its life, where nothing is known of. */
  beginFramesPage(fresh: FrameFacts, when: When): number {
    const frame = this.#insertFrame(fresh, when)
    this.frames.born[frame] = this.#clock.gaps + 1
    return frame
  }

  /** Whether the slot certainly maps something. */
  isMapped(mm: Mm, vpn: number): boolean {
    const row = this.slots.find(mm.id, vpn)
    return row >= 0 && this.slots.gaps[row] === this.#clock.gaps
  }

  /** What is known of the frame was observed since the last gap. */
  isFrameCertain(pfn: number): boolean {
    const frame = this.frames.findFolio(pfn)
    return frame >= 0 && this.frames.gaps[frame] === this.#clock.gaps
  }

  /** The frame's life was seen from its beginning, and no gap is near. */
  isWholeLifeKnown(pfn: number): boolean {
    const frame = this.frames.findFolio(pfn)
    return frame >= 0 && this.frames.born[frame] === this.#clock.gaps + 1
  }

  pfnAt(row: number, vpn: number): number {
    return this.frames.pfnOf(this.slots.frame[row]) + (vpn - this.slots.vpnOf(row))
  }

  /** The frame's number in the recording; it is told if it was not. 0 for a row of -1. */
  frameId(row: number, when: When): number {
    return row < 0 ? 0 : this.#toldFrame(this.slots.frame[row], when)
  }

  /** From and to are numbers of the recording; nothing where one is 0, or where they are the same. */
  edge(kind: EdgeKind, from: number, to: number, mm: Mm | undefined, vpn: number, when: When): void {
    if (from === 0 || to === 0 || from === to) return
    this.#parts.sink.edge(++this.#lastEdge, kind, from, to, mm?.id ?? 0, vpn, when.timeNs, when.seq)
  }

  edgeOfRows(kind: EdgeKind, from: number, to: number, when: When): void {
    this.edge(kind, this.#toldFrame(from, when), this.#toldFrame(to, when), undefined, 0, when)
  }

  /** Fork: the child's slots in the range share the parent's frames, but for those that it was given copies of. */
  share(parent: Mm, child: Mm, vpn: number, pages: number, when: When): void {
    const { slots } = this
    let left = 0
    this.forEachSlot(parent, vpn, pages, when, (row) => {
      slots.flags[row] |= SlotFlag.MayBeShared
      const at = slots.vpnOf(row)
      if (slots.find(child.id, at) >= 0) return
      // A full table forgets the oldest, which may be the next of this very range: what is not deduced is unknown.
      if (slots.size >= this.#parts.maxSlots) {
        left++
        return
      }
      const shared = this.#map(
        child,
        at,
        slots.order[row],
        slots.frame[row],
        Cause.Fork,
        when,
        NEVER_OBSERVED,
      )
      slots.flags[shared] = slots.flags[row]
    })
    if (left > 0) this.#parts.onForgotten(left, when)
  }

  /** The range maps nothing any more. */
  endRange(mm: Mm, vpn: number, pages: number, cause: Cause, when: When): void {
    if (mm.slots === 0) return
    if (pages === 1 && !this.slots.hasRuns) {
      const row = this.slots.find(mm.id, vpn)
      if (row >= 0) this.end(row, mm, cause, when)
      return
    }
    this.forEachSlot(mm, vpn, pages, when, (row) => {
      this.end(row, mm, cause, when)
    })
  }

  endMm(mm: Mm, cause: Cause, when: When): void {
    while (mm.firstSlot >= 0) this.end(mm.firstSlot, mm, cause, when)
  }

  /** The frames of a folio went back to the allocator; who still seems to map them does not. */
  free(pfn: number, order: number, when: When): void {
    this.#endFrames(pfn, 2 ** order, Cause.FrameFree, when)
  }

  /** Another run of the agent: nothing that was known can be carried over. */
  clear(): void {
    this.slots.clear()
    this.frames.clear()
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
    if (slots.order[run] > PMD_ORDER) {
      this.end(run, mm, Cause.Contradicted, when)
      return
    }
    if (slots.size + pages > this.#parts.maxSlots) {
      this.end(run, mm, Cause.Forgotten, when)
      this.#parts.onForgotten(pages, when)
      return
    }
    const vpn = slots.vpnOf(run)
    const head = slots.frame[run]
    const pfn = frames.pfnOf(head)
    // Linked before the run's row goes, so that no frame of it is without a slot, and forgotten.
    for (let page = 0; page < pages; page++) {
      const frame = page === 0 ? head : this.#untoldFrame(pfn + page, head, when)
      const row = slots.insert(mm.id, vpn + page, 0)
      slots.id[row] = page === 0 ? slots.id[run] : 0
      slots.fromNs[row] = slots.fromNs[run]
      slots.brokenSeq[row] = slots.brokenSeq[run]
      slots.gaps[row] = slots.gaps[run]
      slots.protections[row] = slots.protections[run]
      slots.cause[row] = slots.cause[run]
      slots.flags[row] = slots.flags[run] & ~SlotFlag.Whole
      this.#chain(row, mm, frame)
    }
    this.#unlink(run, mm)
  }

  end(row: number, mm: Mm, cause: Cause, when: When): void {
    this.#tellEnd(row, cause, when)
    this.#unlink(row, mm)
  }

  /** The slot goes on, with another frame or at another address: what is known of it but for that stays. */
  move(row: number, mm: Mm, vpn: number, frame: number, cause: Cause, when: When): void {
    const { slots } = this
    const { order, brokenSeq, flags, protections, gaps, id, fromNs } = slots
    const [runOrder, seq, bits, guards, observed] = [
      order[row],
      brokenSeq[row],
      flags[row],
      protections[row],
      gaps[row],
    ]
    const untoldFromNs = id[row] === 0 ? fromNs[row] : undefined
    this.end(row, mm, cause, when)
    if (slots.find(mm.id, vpn) >= 0) throw new Error('a slot is moved onto another')
    const moved = this.#insertSlot(mm, vpn, runOrder, frame, when)
    slots.gaps[moved] = observed
    slots.brokenSeq[moved] = seq
    slots.flags[moved] = bits
    slots.protections[moved] = guards
    slots.cause[moved] = cause
    if (untoldFromNs === undefined) this.#tell(moved, cause, when)
    else slots.fromNs[moved] = untoldFromNs
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
        if (slots.order[row] > 0 && end > pfn && (first < pfn || end > pfn + count))
          this.takeApart(row, this.mmOf(row), when)
        row = next
      }
    }
  }

  mmOf(row: number): Mm {
    const mm = this.#parts.mms.byId(this.slots.mmOf(row))
    if (mm === undefined) throw new Error('a slot of an address space that is not alive')
    return mm
  }

  /** The row of what was seen, where it is what was known; else -1, and what was known is an anomaly if it was certain. */
  #confirmed(known: number, mm: Mm, vpn: number, seen: FrameFacts, when: When): number {
    const { slots, frames } = this
    const { gaps } = this.#clock
    if (this.pfnAt(known, vpn) !== seen.pfn) {
      if (slots.gaps[known] === gaps) this.#parts.anomalies.note('slot-maps-other-frame', when)
      return -1
    }
    if (slots.order[known] < seen.run) return -1
    let row = known
    if (slots.order[row] > seen.run) {
      this.takeApart(row, mm, when)
      row = slots.find(mm.id, vpn)
      if (row < 0) return -1
    }
    slots.gaps[row] = gaps
    frames.gaps[slots.frame[row]] = gaps
    if (slots.id[row] === 0) this.#tell(row, Cause.Seen, when)
    return row
  }

  #cut(mm: Mm, at: number, vpn: number, pages: number, when: When): void {
    const row = this.slots.find(mm.id, at)
    if (row < 0 || this.slots.order[row] === 0) return
    const first = this.slots.vpnOf(row)
    if (first < vpn || first + this.slots.pagesOf(row) > vpn + pages) this.takeApart(row, mm, when)
  }

  /** The frame that was seen: the life that is known, unless a gap may have ended it. */
  #frameOf(seen: FrameFacts, when: When): number {
    const frame = this.frames.find(seen.pfn)
    if (frame >= 0) {
      if (this.frames.gaps[frame] === this.#clock.gaps) return frame
      this.#parts.onFramesGone(seen.pfn, 1, Cause.Contradicted, when)
      this.#endFrame(frame, Cause.Contradicted, when)
    }
    return this.#insertFrame(seen, when)
  }

  #insertFrame({ pfn, order, kind }: FrameFacts, when: When): number {
    // As many as there may be slots cannot be mapped, so that there is always something to forget.
    if (this.frames.size >= 2 * this.#parts.maxSlots) {
      const before = this.frames.size
      this.frames.forgetUnmapped(Math.ceil(this.#parts.maxSlots / 8))
      this.#parts.onForgotten(before - this.frames.size, when)
    }
    const frame = this.frames.insert(pfn, order)
    this.frames.kind[frame] = kind
    this.frames.gaps[frame] = this.#clock.gaps
    return frame
  }

  /** A page of the folio of `head`. */
  #untoldFrame(pfn: number, head: number, when: When): number {
    const known = this.frames.find(pfn)
    if (known >= 0) return known
    const { order, kind, gaps, born } = this.frames
    const facts = { pfn, order: order[head], kind: kind[head] as FrameKind, run: 0 } // only kinds are put in
    const [headGaps, headBorn] = [gaps[head], born[head]]
    const frame = this.#insertFrame(facts, when)
    this.frames.gaps[frame] = headGaps
    this.frames.born[frame] = headBorn
    return frame
  }

  #toldFrame(frame: number, when: When): number {
    const { frames } = this
    if (frames.id[frame] === 0) {
      frames.id[frame] = ++this.#lastFrame
      const kind = frames.kind[frame] as FrameKind // only kinds are put in
      this.#parts.sink.frameSeen(
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

  /** Whether any of them was certain to live. */
  #endFrames(pfn: number, count: number, cause: Cause, when: When): boolean {
    const { frames, slots } = this
    const { gaps } = this.#clock
    this.#parts.onFramesGone(pfn, count, cause, when)
    if (slots.hasRuns) this.cutFrames(pfn, count, when)
    if (count === 1) {
      const frame = frames.find(pfn)
      if (frame < 0) return false
      const wasCertain = frames.gaps[frame] === gaps
      this.#endFrame(frame, cause, when)
      return wasCertain
    }
    let wasCertain = false
    frames.forEach(pfn, count, (frame) => {
      wasCertain ||= frames.gaps[frame] === gaps
      this.#endFrame(frame, cause, when)
    })
    return wasCertain
  }

  #endFrame(frame: number, cause: Cause, when: When): void {
    while (this.frames.firstSlot[frame] >= 0) {
      const row = this.frames.firstSlot[frame]
      this.end(row, this.mmOf(row), cause, when)
    }
    if (this.frames.id[frame] !== 0) this.#parts.sink.frameFreed(this.frames.id[frame], when.timeNs, when.seq)
    this.frames.remove(frame)
  }

  #map(mm: Mm, vpn: number, order: number, frame: number, cause: Cause, when: When, gaps: number): number {
    const row = this.#insertSlot(mm, vpn, order, frame, when)
    this.#fill(row, cause, when, gaps)
    return row
  }

  /** A mapping begins in a row that has its key, its order and its frame. */
  #fill(row: number, cause: Cause, when: When, gaps: number): void {
    const { slots } = this
    const order = slots.order[row]
    slots.fromNs[row] = when.timeNs
    slots.gaps[row] = gaps
    slots.protections[row] = this.#clock.protections
    const isOwn = isOwnCopy(cause)
    slots.brokenSeq[row] = isOwn ? when.seq : 0
    const isWhole =
      order >= PMD_ORDER || (order > 0 && this.frames.kind[slots.frame[row]] === FrameKind.Hugetlb)
    slots.flags[row] = (isOwn ? 0 : SlotFlag.MayBeShared) | (isWhole ? SlotFlag.Whole : 0)
    this.#tell(row, cause, when)
  }

  #tellEnd(row: number, cause: Cause, when: When): void {
    const { slots } = this
    if (slots.id[row] === 0) return
    // A late event must not end an interval before it began.
    const untilNs = Math.max(when.timeNs, slots.fromNs[row])
    this.#parts.sink.slotEnded(slots.id[row], untilNs, cause, when.seq)
  }

  #insertSlot(mm: Mm, vpn: number, order: number, frame: number, when: When): number {
    if (this.slots.size >= this.#parts.maxSlots) this.#forgetSlots(when)
    const row = this.slots.insert(mm.id, vpn, order)
    this.slots.id[row] = 0
    this.slots.fromNs[row] = when.timeNs
    this.#chain(row, mm, frame)
    return row
  }

  #tell(row: number, cause: Cause, when: When): void {
    const { slots } = this
    const frame = this.#toldFrame(slots.frame[row], when)
    const isCertain = slots.gaps[row] !== NEVER_OBSERVED
    slots.id[row] = ++this.#lastSlot
    slots.cause[row] = cause
    this.#parts.sink.slotMapped(
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
    this.#chainFrame(row, frame)
    link(slots.nextOfMm, slots.prevOfMm, row, mm.firstSlot)
    mm.firstSlot = row
    mm.slots++
  }

  #chainFrame(row: number, frame: number): void {
    const { slots, frames } = this
    slots.frame[row] = frame
    link(slots.nextOfFrame, slots.prevOfFrame, row, frames.firstSlot[frame])
    frames.firstSlot[frame] = row
  }

  #unchain(row: number): void {
    const { slots, frames } = this
    const frame = slots.frame[row]
    if (frames.firstSlot[frame] === row) frames.firstSlot[frame] = slots.nextOfFrame[row]
    unlink(slots.nextOfFrame, slots.prevOfFrame, row)
  }

  #unlink(row: number, mm: Mm): void {
    const { slots } = this
    this.#unchain(row)
    if (mm.firstSlot === row) mm.firstSlot = slots.nextOfMm[row]
    unlink(slots.nextOfMm, slots.prevOfMm, row)
    mm.slots--
    slots.remove(row)
  }

  #forgetSlots(when: When): void {
    const count = Math.ceil(this.#parts.maxSlots / 16)
    for (let left = count; left > 0; left--) {
      const row = this.slots.nextInRound()
      this.end(row, this.mmOf(row), Cause.Forgotten, when)
    }
    this.#parts.onForgotten(count, when)
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
