import { PageBlocks } from './page-blocks.js'
import type { RegionOwner } from './page-regions.js'

/**
 * A row is four words: 0 low bits of the recording's number; 1 gaps; 2 the first slot's row plus one, the kind, and whether it
 * was seen to be born; 3 high bits of the number, and the order.
 */
const WORDS = 4
const ID = 0
const GAPS = 1
const SLOT = 2
const MIXED = 3
const SLOT_MASK = 2 ** 28 - 1
const KIND_SHIFT = 28
const KIND = 0x7
const BORN_SHIFT = 31
const ID_HIGH = 0xffff
const ORDER_SHIFT = 16
const HIGH = 2 ** 32
const PER_HIGH = 1 / HIGH

/** Frames that live: one row each, found by pfn. A freed frame has no row; a new life of its pfn gets a new one. */
export class FrameTable {
  readonly #blocks = new PageBlocks(WORDS)
  /** Frames are nobody's. */
  readonly #nobody: RegionOwner = { id: 0, firstRegion: -1 }
  /** Bit n: there was a folio of that order. */
  #orders = 0
  #hand = 0

  get size(): number {
    return this.#blocks.size
  }

  /** Rooms for four neighbours that are taken, by one of them at least. */
  get blocks(): number {
    return this.#blocks.blocks
  }

  pfnOf(row: number): number {
    return this.#blocks.pageOf(row)
  }

  /** The recording's number; 0: it was not told of. */
  idOf(row: number): number {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    return (words[at + MIXED] & ID_HIGH) * HIGH + words[at + ID]
  }

  /** Numbers below 2^48. */
  setId(row: number, id: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    words[at + ID] = id
    words[at + MIXED] = (words[at + MIXED] & ~ID_HIGH) | ((id * PER_HIGH) & ID_HIGH)
  }

  /** The number of gaps that there had been when it was last met. */
  gapsOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + GAPS]
  }

  /** First slot that maps it, -1: none that is known. */
  firstSlotOf(row: number): number {
    return (this.#blocks.wordsOf(row)[this.#blocks.at(row) + SLOT] & SLOT_MASK) - 1
  }

  setFirstSlot(row: number, slot: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row) + SLOT
    words[at] = (words[at] & ~SLOT_MASK) | (slot + 1)
  }

  /** A `FrameKind`. */
  kindOf(row: number): number {
    return (this.#blocks.wordsOf(row)[this.#blocks.at(row) + SLOT] >>> KIND_SHIFT) & KIND
  }

  setKind(row: number, kind: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row) + SLOT
    words[at] = (words[at] & ~(KIND << KIND_SHIFT)) | (kind << KIND_SHIFT)
  }

  /** Its life was seen from its beginning, with no gap since that it was met behind. */
  isBorn(row: number): boolean {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + SLOT] >>> BORN_SHIFT === 1
  }

  /** It was met behind a gap: it is the same life, as far as one can tell. */
  setMet(row: number, gaps: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    words[at + GAPS] = gaps
    words[at + SLOT] &= ~(1 << BORN_SHIFT)
  }

  /** Of its folio. */
  orderOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + MIXED] >>> ORDER_SHIFT
  }

  setOrder(row: number, order: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row) + MIXED
    words[at] = (words[at] & ID_HIGH) | (order << ORDER_SHIFT)
  }

  /** The row, or -1. */
  find(pfn: number): number {
    return this.#blocks.find(0, pfn)
  }

  /** The row of the frame, or that of the first frame of the folio that it is known to lie in; or -1. */
  findFolio(pfn: number): number {
    const row = this.find(pfn)
    return row >= 0 ? row : this.findHead(pfn)
  }

  /** The row of the first frame of the folio that the frame is known to lie in, itself not; or -1. */
  findHead(pfn: number): number {
    for (let bits = this.#orders; bits !== 0; bits &= bits - 1) {
      const order = 31 - Math.clz32(bits & -bits)
      const head = this.find(pfn - (pfn % 2 ** order))
      if (head >= 0 && this.orderOf(head) >= order && this.pfnOf(head) !== pfn) return head
    }
    return -1
  }

  /** A row that no slot maps, and that was not told of. */
  insert(pfn: number, order: number, kind: number, gaps: number, isBorn: boolean): number {
    const row = this.#blocks.insert(this.#nobody, pfn)
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    words[at + ID] = 0
    words[at + GAPS] = gaps
    words[at + SLOT] = (kind << KIND_SHIFT) | (isBorn ? 1 << BORN_SHIFT : 0)
    words[at + MIXED] = order << ORDER_SHIFT
    if (order > 0) this.#orders |= 1 << order
    return row
  }

  remove(row: number): void {
    this.#blocks.remove(row, this.#nobody)
  }

  clear(): void {
    this.#blocks.clear()
    this.#nobody.firstRegion = -1
    this.#orders = 0
  }

  /** Each frame of [pfn, pfn + count); `each` may remove it. By the page or by what is known, whichever is less. */
  forEach(pfn: number, count: number, each: (row: number) => void): void {
    if (count <= this.#blocks.end) {
      for (let page = 0; page < count; page++) {
        const row = this.find(pfn + page)
        if (row >= 0) each(row)
      }
      return
    }
    for (let row = 0; row < this.#blocks.end; row++) {
      if (!this.#blocks.isLive(row)) continue
      const at = this.pfnOf(row)
      if (at >= pfn && at < pfn + count) each(row)
    }
  }

  /** Forgets up to `count` frames that no known slot maps, the next ones in a round of all. */
  forgetUnmapped(count: number): void {
    let left = count
    for (let step = this.#blocks.end; step > 0 && left > 0; step--) {
      const row = this.#hand++ % this.#blocks.end
      if (!this.#blocks.isLive(row) || this.firstSlotOf(row) >= 0) continue
      this.remove(row)
      left--
    }
  }
}
