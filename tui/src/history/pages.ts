import { Cause, type EdgeKind, type FactSink, type FrameKind } from '../model/facts.js'
import type { Anomalies } from './anomalies.js'
import { FrameTable } from './frames.js'
import type { Mm, Mms } from './mms.js'
import { SlotTable } from './slots.js'

/** For slots that were deduced: no number of gaps is as large. */
const NEVER_OBSERVED = 0xffff_ffff

/** The event that is the evidence. */
export interface When {
  timeNs: number
  seq: number
}

/** A frame as an event names it. */
export interface FrameFacts {
  pfn: number
  order: number
  kind: FrameKind
}

/** What is known of slots and frames: at any time a slot maps one frame or none, and both tables are bounded. */
export class Pages {
  readonly slots = new SlotTable()
  readonly frames = new FrameTable()
  readonly #sink: FactSink
  readonly #mms: Mms
  readonly #anomalies: Anomalies
  readonly #maxSlots: number
  readonly #onForgotten: (when: When) => void
  #lastFrame = 0
  #lastSlot = 0
  #lastEdge = 0
  #gaps = 0

  constructor(
    { sink, mms, anomalies }: { sink: FactSink; mms: Mms; anomalies: Anomalies },
    /** `onForgotten`: the bound was reached, and something that is alive was forgotten. */
    bound: { readonly maxSlots: number; readonly onForgotten: (when: When) => void },
  ) {
    this.#sink = sink
    this.#mms = mms
    this.#anomalies = anomalies
    this.#maxSlots = bound.maxSlots
    this.#onForgotten = bound.onForgotten
  }

  /** Events were lost: what is mapped is uncertain until it is observed again. */
  noteGap(): void {
    this.#gaps++
  }

  /** The slot was seen to map this frame. Returns the frame's number in the recording, 0 where there is none. */
  observe(mm: Mm, vpn: number, seen: FrameFacts, when: When): number {
    if (seen.pfn === 0) return 0
    const row = this.slots.find(mm.id, vpn)
    if (row >= 0) {
      const held = this.slots.frame[row]
      if (this.frames.pfnOf(held) === seen.pfn) {
        this.slots.gaps[row] = this.#gaps
        return this.frames.id[held]
      }
      if (this.slots.gaps[row] === this.#gaps) this.#anomalies.note('slot-maps-other-frame')
      this.#end(row, mm, Cause.Contradicted, when)
    }
    const frame = this.#frameOf(seen, when)
    this.#map(mm, vpn, frame, Cause.Seen, when, this.#gaps)
    return this.frames.id[frame]
  }

  /** The slot maps a folio that begins its life here. Returns the frame's number in the recording. */
  mapNew(mm: Mm, vpn: number, fresh: FrameFacts, cause: Cause, when: When): number {
    const row = this.slots.find(mm.id, vpn)
    if (row >= 0) this.#end(row, mm, cause, when)
    if (this.#endFrames(fresh.pfn, fresh.order, Cause.Contradicted, when))
      this.#anomalies.note('frame-not-freed')
    const frame = this.#begin(fresh, when)
    this.#map(mm, vpn, frame, cause, when, this.#gaps)
    return this.frames.id[frame]
  }

  /** Whether the slot certainly maps something. */
  isMapped(mm: Mm, vpn: number): boolean {
    const row = this.slots.find(mm.id, vpn)
    return row >= 0 && this.slots.gaps[row] === this.#gaps
  }

  edge(kind: EdgeKind, from: number, to: number, mm: Mm, vpn: number, when: When): void {
    this.#sink.edge(++this.#lastEdge, kind, from, to, mm.id, vpn, when.timeNs, when.seq)
  }

  /** Fork: the child's slots in the range share the parent's frames, but for those that it was given copies of. */
  share(parent: Mm, child: Mm, vpn: number, pages: number, when: When): void {
    this.#forEachSlot(parent, vpn, pages, (row) => {
      const at = this.slots.vpnOf(row)
      // A full table forgets the oldest, which may be the next of this very range: what is not deduced is unknown.
      if (this.slots.find(child.id, at) >= 0 || this.slots.size >= this.#maxSlots) return
      this.#map(child, at, this.slots.frame[row], Cause.Fork, when, NEVER_OBSERVED)
    })
    if (this.slots.size >= this.#maxSlots) this.#onForgotten(when)
  }

  /** The range maps nothing any more. */
  endRange(mm: Mm, vpn: number, pages: number, cause: Cause, when: When): void {
    this.#forEachSlot(mm, vpn, pages, (row) => {
      this.#end(row, mm, cause, when)
    })
  }

  endMm(mm: Mm, when: When): void {
    while (mm.firstSlot >= 0) this.#end(mm.firstSlot, mm, Cause.MmExit, when)
  }

  /** The frames of a folio went back to the allocator; who still seems to map them does not. */
  free(pfn: number, order: number, when: When): void {
    this.#endFrames(pfn, order, Cause.FrameFree, when)
  }

  /** Another run of the agent: nothing that was known can be carried over. */
  clear(): void {
    this.slots.clear()
    this.frames.clear()
    this.#gaps++
  }

  #frameOf(seen: FrameFacts, when: When): number {
    const frame = this.frames.find(seen.pfn)
    return frame >= 0 ? frame : this.#begin(seen, when)
  }

  #begin({ pfn, order, kind }: FrameFacts, when: When): number {
    // As many as there may be slots cannot be mapped, so that there is always something to forget.
    if (this.frames.size >= 2 * this.#maxSlots) {
      this.frames.forgetUnmapped(Math.ceil(this.#maxSlots / 8))
      this.#onForgotten(when)
    }
    const frame = this.frames.insert(pfn, ++this.#lastFrame)
    this.#sink.frameSeen(this.#lastFrame, pfn, order, kind, when.timeNs, when.seq)
    return frame
  }

  /** Whether there were any. */
  #endFrames(pfn: number, order: number, cause: Cause, when: When): boolean {
    const before = this.frames.size
    if (order === 0) {
      const frame = this.frames.find(pfn)
      if (frame >= 0) this.#endFrame(frame, cause, when)
    } else {
      this.frames.forEach(pfn, 2 ** order, (frame) => {
        this.#endFrame(frame, cause, when)
      })
    }
    return this.frames.size < before
  }

  #endFrame(frame: number, cause: Cause, when: When): void {
    while (this.frames.firstSlot[frame] >= 0) {
      const row = this.frames.firstSlot[frame]
      this.#end(row, this.#mmOf(row), cause, when)
    }
    this.#sink.frameFreed(this.frames.id[frame], when.timeNs, when.seq)
    this.frames.remove(frame)
  }

  #map(mm: Mm, vpn: number, frame: number, cause: Cause, when: When, gaps: number): void {
    if (this.slots.size >= this.#maxSlots) this.#forgetSlots(when)
    const { slots, frames } = this
    const row = slots.insert(mm.id, vpn)
    const id = ++this.#lastSlot
    slots.id[row] = id
    slots.fromNs[row] = when.timeNs
    slots.frame[row] = frame
    slots.gaps[row] = gaps
    link(slots.nextOfFrame, slots.prevOfFrame, row, frames.firstSlot[frame])
    frames.firstSlot[frame] = row
    link(slots.nextOfMm, slots.prevOfMm, row, mm.firstSlot)
    mm.firstSlot = row
    mm.slots++
    const isCertain = gaps !== NEVER_OBSERVED
    this.#sink.slotMapped(id, mm.id, vpn, frames.id[frame], when.timeNs, cause, when.seq, isCertain)
  }

  #end(row: number, mm: Mm, cause: Cause, when: When): void {
    // A late event must not end an interval before it began.
    const untilNs = Math.max(when.timeNs, this.slots.fromNs[row])
    this.#sink.slotEnded(this.slots.id[row], untilNs, cause, when.seq)
    this.#unlink(row, mm)
  }

  #unlink(row: number, mm: Mm): void {
    const { slots, frames } = this
    const frame = slots.frame[row]
    if (frames.firstSlot[frame] === row) frames.firstSlot[frame] = slots.nextOfFrame[row]
    if (mm.firstSlot === row) mm.firstSlot = slots.nextOfMm[row]
    unlink(slots.nextOfFrame, slots.prevOfFrame, row)
    unlink(slots.nextOfMm, slots.prevOfMm, row)
    mm.slots--
    slots.remove(row)
  }

  /** Their intervals stay open: how they ended will not be known. */
  #forgetSlots(when: When): void {
    for (let left = Math.ceil(this.#maxSlots / 16); left > 0; left--) {
      const row = this.slots.nextInRound()
      this.#unlink(row, this.#mmOf(row))
    }
    this.#onForgotten(when)
  }

  #mmOf(row: number): Mm {
    const mm = this.#mms.byId(this.slots.mmOf(row))
    if (mm === undefined) throw new Error('a slot of an address space that is not alive')
    return mm
  }

  /** By the page or by what is known, whichever is less. `each` may end the slot it is given. */
  #forEachSlot(mm: Mm, vpn: number, pages: number, each: (row: number) => void): void {
    if (pages <= mm.slots) {
      for (let page = 0; page < pages; page++) {
        const row = this.slots.find(mm.id, vpn + page)
        if (row >= 0) each(row)
      }
      return
    }
    for (let row = mm.firstSlot; row >= 0;) {
      const next = this.slots.nextOfMm[row]
      const at = this.slots.vpnOf(row)
      if (at >= vpn && at < vpn + pages) each(row)
      row = next
    }
  }
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
