import { Cause } from '../model/facts.js'
import type { When } from './clock.js'
import type { Mm } from './mms.js'
import { type FrameFacts, NEVER_OBSERVED, PageTables } from './page-tables.js'
import { SlotFlag } from './slots.js'

/** What is known of slots and frames: at any time a slot maps one frame or none. */
export class Pages extends PageTables {
  /** The slot was seen to map this frame. Returns the row, -1 where there is no frame. */
  observe(mm: Mm, vpn: number, seen: FrameFacts, when: When, cause: Cause = Cause.Seen): number {
    if (seen.pfn === 0) return -1
    const known = this.slots.find(mm.id, vpn)
    if (known >= 0) {
      const row = this.#confirmed(known, mm, vpn, seen, when)
      if (row >= 0) return row
    }
    this.endRange(mm, vpn, 1 << seen.run, Cause.Contradicted, when)
    const frame = this.#frameOf(seen, when)
    return this.map(mm, vpn, seen.run, frame, cause, when, this.clock.gaps)
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
      const isRun = row >= 0 && slots.orderOf(row) > 0 && this.pfnAt(row, at) === pfn
      if (!isRun) {
        this.observe(mm, at, { ...seen, pfn }, when, cause)
        at += 1 << seen.run
        continue
      }
      const first = slots.vpnOf(row)
      const end = first + slots.pagesOf(row)
      const isWhole = seen.run >= slots.orderOf(row) || (first >= vpn && end <= vpn + pages)
      if (isWhole)
        this.observe(mm, first, { ...seen, pfn: pfn - (at - first), run: slots.orderOf(row) }, when, cause)
      else if (slots.gapsOf(row) !== this.clock.gaps) {
        this.observe(mm, at, { ...seen, pfn, run: 0 }, when, cause)
        at++
        continue
      }
      at = end
    }
  }

  /** The slot was seen to map this frame because of `cause`. Its old mapping is over. */
  mapSeen(mm: Mm, vpn: number, seen: FrameFacts, cause: Cause, when: When): number {
    this.endRange(mm, vpn, 1 << seen.run, cause, when)
    const frame = this.#frameOf(seen, when)
    return this.map(mm, vpn, seen.run, frame, cause, when, this.clock.gaps)
  }

  /** The slot maps a folio that begins its life here. */
  mapNew(mm: Mm, vpn: number, fresh: FrameFacts, cause: Cause, when: When): number {
    this.endRange(mm, vpn, 1 << fresh.run, cause, when)
    const frame = this.beginFrame(fresh, when)
    return this.map(mm, vpn, fresh.run, frame, cause, when, this.clock.gaps)
  }

  /** The page of `row`, which is no run, got a copy of its own: as `mapNew`, and faster. */
  replace(row: number, mm: Mm, vpn: number, fresh: FrameFacts, cause: Cause, when: When): number {
    // What is new may have been known to be where the old was, and end it.
    this.endStale(fresh.pfn, 1, when)
    const frame = this.beginFramesPage(fresh, when)
    const { gaps } = this.clock
    if (this.slots.find(mm.id, vpn) !== row) return this.map(mm, vpn, 0, frame, cause, when, gaps)
    this.tellEnd(row, mm.id, cause, when)
    this.unchain(row)
    this.fill(row, mm, vpn, 0, frame, cause, when, gaps)
    return row
  }

  /** A folio begins its life: what was known of its frames is over. Returns the row of its first. */
  beginFrame(fresh: FrameFacts, when: When): number {
    this.endStale(fresh.pfn, 1 << Math.max(fresh.order, fresh.run), when)
    return this.beginFramesPage(fresh, when)
  }

  /** New folios will be here: what was known of these frames is over. */
  endStale(pfn: number, count: number, when: When): void {
    if (this.#endFrames(pfn, count, Cause.Contradicted, when))
      this.parts.anomalies.note('frame-not-freed', when)
  }

  /** One page of a folio that begins its life, where nothing is known of. */
  beginFramesPage(fresh: FrameFacts, when: When): number {
    return this.insertFrame(fresh, when, this.clock.gaps, true)
  }

  /** Whether the slot certainly maps something. */
  isMapped(mm: Mm, vpn: number): boolean {
    const row = this.slots.find(mm.id, vpn)
    return row >= 0 && this.slots.gapsOf(row) === this.clock.gaps
  }

  /** What is known of the frame was observed since the last gap. */
  isFrameCertain(pfn: number): boolean {
    const frame = this.frames.findFolio(pfn)
    return frame >= 0 && this.frames.gapsOf(frame) === this.clock.gaps
  }

  /** The frame's life was seen from its beginning, and no gap is near. */
  isWholeLifeKnown(pfn: number): boolean {
    const frame = this.frames.findFolio(pfn)
    return frame >= 0 && this.frames.isBorn(frame) && this.frames.gapsOf(frame) === this.clock.gaps
  }

  /** A fork that failed half way: pages may have been shared with a child that nobody saw run. */
  shareInPassing(parent: Mm, vpn: number, pages: number, when: When): void {
    const { slots } = this
    this.forEachSlot(parent, vpn, pages, when, (row) => {
      slots.setFlags(row, slots.flagsOf(row) | SlotFlag.MayBeShared)
    })
  }

  /** Fork: the child's slots in the range share the parent's frames, but for those that it was given copies of. */
  share(parent: Mm, child: Mm, vpn: number, pages: number, when: When): void {
    const { slots } = this
    const hasNone = child.slots === 0
    let left = 0
    this.forEachSlot(parent, vpn, pages, when, (row) => {
      slots.setFlags(row, slots.flagsOf(row) | SlotFlag.MayBeShared)
      const at = slots.vpnOf(row)
      if (!hasNone && slots.find(child.id, at) >= 0) return
      const order = slots.orderOf(row)
      // Of a run the child has all or nothing: an early copy of one page has taken it apart.
      if (order > 0) this.endRange(child, at, slots.pagesOf(row), Cause.Contradicted, when)
      // A full table forgets the oldest, which may be the next of this very range: what is not deduced is unknown.
      if (!this.hasRoomFor(1)) {
        left++
        return
      }
      const shared = this.map(child, at, order, slots.frameOf(row), Cause.Fork, when, NEVER_OBSERVED)
      slots.setFlags(shared, slots.flagsOf(row))
    })
    if (left > 0) this.parts.onForgotten(left, when)
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
    this.slots.forEachOf(mm, (row) => {
      this.end(row, mm, cause, when)
    })
  }

  /** The frames of a folio went back to the allocator; who still seems to map them does not. */
  free(pfn: number, order: number, when: When): void {
    this.#endFrames(pfn, 1 << order, Cause.FrameFree, when)
  }

  /** Another run of the agent: nothing that was known can be carried over. */
  clear(): void {
    this.slots.clear()
    this.frames.clear()
  }

  /** The slot goes on, with another frame or at another address: what is known of it but for that stays. */
  move(row: number, mm: Mm, vpn: number, frame: number, cause: Cause, when: When): void {
    const { slots } = this
    const runOrder = slots.orderOf(row)
    const seq = slots.brokenSeqOf(row)
    const bits = slots.flagsOf(row)
    const guards = slots.protectionsOf(row)
    const observed = slots.gapsOf(row)
    const untoldFromNs = slots.idOf(row) === 0 ? slots.fromNsOf(row) : undefined
    this.end(row, mm, cause, when)
    const inTheWay = slots.find(mm.id, vpn)
    if (inTheWay >= 0) this.end(inTheWay, mm, cause, when)
    const moved = this.insertSlot(mm, vpn, runOrder, when)
    const fromNs = untoldFromNs ?? when.timeNs
    slots.begin(moved, runOrder, frame, 0, fromNs, observed, guards, seq, cause, bits)
    this.chain(moved, frame)
    if (untoldFromNs === undefined) this.tell(moved, cause, when)
  }

  /** The row of what was seen, where it is what was known; else -1, and what was known is an anomaly if it was certain. */
  #confirmed(known: number, mm: Mm, vpn: number, seen: FrameFacts, when: When): number {
    const { slots, frames } = this
    const { gaps } = this.clock
    const order = slots.orderOf(known)
    let frame = slots.frameOf(known)
    if ((order === 0 ? frames.pfnOf(frame) : this.pfnAt(known, vpn)) !== seen.pfn) {
      if (slots.gapsOf(known) === gaps) this.parts.anomalies.note('slot-maps-other-frame', when)
      return -1
    }
    if (order < seen.run) return -1
    let row = known
    if (order > seen.run) {
      this.takeApart(row, mm, when)
      row = slots.find(mm.id, vpn)
      if (row < 0) return -1
      frame = slots.frameOf(row)
    }
    if (slots.gapsOf(row) !== gaps) slots.setGaps(row, gaps)
    if (frames.gapsOf(frame) !== gaps) frames.setMet(frame, gaps)
    if (slots.idOf(row) === 0) this.tell(row, Cause.Seen, when)
    return row
  }

  /** The frame that was seen: the life that is known, unless a gap may have ended it. */
  #frameOf(seen: FrameFacts, when: When): number {
    const frame = this.frames.find(seen.pfn)
    if (frame >= 0) {
      if (this.frames.gapsOf(frame) === this.clock.gaps) return frame
      this.parts.onFramesGone(seen.pfn, 1, Cause.Contradicted, when)
      this.#endFrame(frame, Cause.Contradicted, when)
    }
    return this.insertFrame(seen, when, this.clock.gaps, false)
  }

  /** Whether any of them was certain to live. */
  #endFrames(pfn: number, count: number, cause: Cause, when: When): boolean {
    const { frames, slots } = this
    const { gaps } = this.clock
    this.parts.onFramesGone(pfn, count, cause, when)
    if (slots.hasRuns) this.cutFrames(pfn, count, when)
    if (count === 1) {
      const frame = frames.find(pfn)
      if (frame < 0) return false
      const wasCertain = frames.gapsOf(frame) === gaps
      this.#endFrame(frame, cause, when)
      return wasCertain
    }
    let wasCertain = false
    frames.forEach(pfn, count, (frame) => {
      wasCertain ||= frames.gapsOf(frame) === gaps
      this.#endFrame(frame, cause, when)
    })
    return wasCertain
  }

  #endFrame(frame: number, cause: Cause, when: When): void {
    for (let row = this.frames.firstSlotOf(frame); row >= 0; row = this.frames.firstSlotOf(frame)) {
      this.end(row, this.mmOf(row), cause, when)
    }
    const id = this.frames.idOf(frame)
    if (id !== 0) this.parts.sink.frameFreed(id, when.timeNs, when.seq)
    this.frames.remove(frame)
  }
}
