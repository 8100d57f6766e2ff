import { RowIndex } from './row-index.js'

/**
 * A row is five words: 0 the low bits of the pfn; 1 those of the recording's number; 2 gaps; 3 the first slot's row + 1
 * (of a row that is free: the next free one's); 4 high bits of both numbers, order, kind and flags.
 */
const WORDS = 5
const CHUNK_SHIFT = 12
const CHUNK = 1 << CHUNK_SHIFT
const IN_CHUNK = CHUNK - 1

const PFN_HIGH = 0x3ff
const ID_SHIFT = 10
const ID_HIGH = 0x3ff
const ORDER_SHIFT = 20
const ORDER = 0x1f
const KIND_SHIFT = 25
const KIND = 0x7
const BORN = 1 << 28
const SHARED = 1 << 29
const LIVE = 1 << 30
const HIGH = 2 ** 32
const PER_HIGH = 1 / HIGH
/** Frame numbers are below. */
const END_OF_PFNS = HIGH * (PFN_HIGH + 1)

/** Frames that live: one row each, found by pfn. A freed frame has no row; a new life of its pfn gets a new one. */
export class FrameTable {
  readonly #index = new RowIndex((row) => hash(this.pfnOf(row)))
  readonly #words: Uint32Array[] = []
  #used = 0
  /** Row + 1, 0: there is none. */
  #firstFree = 0
  /** Bit n: there was a folio of that order. */
  #orders = 0
  #hand = 0

  get size(): number {
    return this.#index.size
  }

  pfnOf(row: number): number {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    return (words[at + 4] & PFN_HIGH) * HIGH + words[at]
  }

  /** The recording's number; 0: it was not told of. */
  idOf(row: number): number {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    return ((words[at + 4] >>> ID_SHIFT) & ID_HIGH) * HIGH + words[at + 1]
  }

  /** Numbers below 2^42. */
  setId(row: number, id: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    words[at + 1] = id
    words[at + 4] = (words[at + 4] & ~(ID_HIGH << ID_SHIFT)) | ((id / HIGH) << ID_SHIFT)
  }

  /** The number of gaps that there had been when it was last met. */
  gapsOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 2]
  }

  setGaps(row: number, gaps: number): void {
    this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 2] = gaps
  }

  /** First slot that maps it, -1: none that is known. */
  firstSlotOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 3] - 1
  }

  setFirstSlot(row: number, slot: number): void {
    this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 3] = slot + 1
  }

  /** Of its folio. */
  orderOf(row: number): number {
    return (this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4] >>> ORDER_SHIFT) & ORDER
  }

  setOrder(row: number, order: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS + 4
    words[at] = (words[at] & ~(ORDER << ORDER_SHIFT)) | (order << ORDER_SHIFT)
  }

  /** A `FrameKind`. */
  kindOf(row: number): number {
    return (this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4] >>> KIND_SHIFT) & KIND
  }

  setKind(row: number, kind: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS + 4
    words[at] = (words[at] & ~(KIND << KIND_SHIFT)) | (kind << KIND_SHIFT)
  }

  /** Its life was seen from its beginning, with no gap since that it was met behind. */
  isBorn(row: number): boolean {
    return (this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4] & BORN) !== 0
  }

  setBorn(row: number, isBorn: boolean): void {
    this.#setBit(row, BORN, isBorn)
  }

  /** More than one slot maps it. */
  isShared(row: number): boolean {
    return (this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4] & SHARED) !== 0
  }

  setShared(row: number, isShared: boolean): void {
    this.#setBit(row, SHARED, isShared)
  }

  /** The row, or -1. */
  find(pfn: number): number {
    if (pfn >= END_OF_PFNS) return -1
    const sought = hash(pfn)
    let row = this.#index.first(sought)
    while (row >= 0 && this.pfnOf(row) !== pfn) row = this.#index.next(sought)
    return row
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
      const head = this.find(pfn - (pfn % (1 << order)))
      if (head >= 0 && this.orderOf(head) >= order && this.pfnOf(head) !== pfn) return head
    }
    return -1
  }

  insert(pfn: number, order: number): number {
    const row = this.#take()
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    words[at] = pfn
    words[at + 1] = 0
    words[at + 2] = 0
    words[at + 3] = 0
    words[at + 4] = (pfn / HIGH) | (order << ORDER_SHIFT) | LIVE
    this.#index.insert(row, hash(pfn))
    if (order > 0) this.#orders |= 1 << order
    return row
  }

  remove(row: number): void {
    this.#index.remove(row, hash(this.pfnOf(row)))
    this.#setBit(row, LIVE, false)
    this.setFirstSlot(row, this.#firstFree - 1)
    this.#firstFree = row + 1
  }

  clear(): void {
    this.#index.clear()
    this.#used = 0
    this.#firstFree = 0
    this.#orders = 0
  }

  /** Each frame of [pfn, pfn + count); `each` may remove it. By the page or by what is known, whichever is less. */
  forEach(pfn: number, count: number, each: (row: number) => void): void {
    if (count <= this.#used) {
      for (let page = 0; page < count; page++) {
        const row = this.find(pfn + page)
        if (row >= 0) each(row)
      }
      return
    }
    for (let row = 0; row < this.#used; row++) {
      const at = this.pfnOf(row)
      if (this.#isLive(row) && at >= pfn && at < pfn + count) each(row)
    }
  }

  /** Forgets up to `count` frames that no known slot maps, the next ones in a round of all. */
  forgetUnmapped(count: number): void {
    let left = count
    for (let step = this.#used; step > 0 && left > 0; step--) {
      const row = this.#hand++ % this.#used
      if (!this.#isLive(row) || this.firstSlotOf(row) >= 0) continue
      this.remove(row)
      left--
    }
  }

  #isLive(row: number): boolean {
    return (this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4] & LIVE) !== 0
  }

  #setBit(row: number, bit: number, isSet: boolean): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS + 4
    words[at] = isSet ? words[at] | bit : words[at] & ~bit
  }

  #take(): number {
    const row = this.#firstFree - 1
    if (row >= 0) {
      this.#firstFree = this.firstSlotOf(row) + 1
      return row
    }
    if (this.#used >> CHUNK_SHIFT >= this.#words.length) this.#words.push(new Uint32Array(CHUNK * WORDS))
    return this.#used++
  }
}

function hash(pfn: number): number {
  let h = Math.imul(pfn >>> 0, 0x9e3779b1) ^ Math.imul((pfn * PER_HIGH) | 0, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return h ^ (h >>> 15)
}
