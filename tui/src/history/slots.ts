import { MmRows, type RowOwner } from './mm-rows.js'
import { RowIndex } from './row-index.js'

/**
 * A row is eight words: 0 and 1 `fromNs` as a double; 2 the low bits of the page number; 3 the frame's row and the order;
 * 4 gaps; 5 protections; 6 the low bits of the interval's number; 7 high bits of both numbers, cause and flags.
 */
const WORDS = 8
const DOUBLES = WORDS / 2
/** Rows come in chunks, so that a table grows without a copy, and with little to spare. */
const CHUNK_SHIFT = 12
const CHUNK = 1 << CHUNK_SHIFT
const IN_CHUNK = CHUNK - 1

const FRAME_BITS = 27
const FRAME = 2 ** FRAME_BITS - 1
const VPN_HIGH = 0x1fff
const ID_SHIFT = 13
const ID_HIGH = 0x7ff
const CAUSE_SHIFT = 24
const CAUSE = 0x1f
const FLAGS_SHIFT = 29
const HIGH = 2 ** 32
const PER_HIGH = 1 / HIGH
/** Page numbers are below. */
const END_OF_VPNS = HIGH * (VPN_HIGH + 1)

/** Facts of a slot, as bits. */
export const SlotFlag = {
  /** Mapped by a PMD, or by hugetlb's own entry: not by PTEs that may change one by one. */
  Whole: 1,
  /** Fork, KSM, swap, collapse or migration has touched it since it got a copy of its own. */
  MayBeShared: 2,
  /** It got a copy of its own (copy, unshare, first touch), and that was seen. */
  Own: 4,
} as const

/**
 * What maps something: one row a slot, found by (mm, vpn), or one a run of 2^order slots that were mapped as one and
 * were not met one by one since. No slot has two rows. A row knows the row of the frame that it maps (a run: its first).
 */
export class SlotTable {
  readonly #rows = new MmRows()
  readonly #index = new RowIndex((row) => this.#hashOf(row))
  readonly #words: Uint32Array[] = []
  /** The same memory. */
  readonly #doubles: Float64Array[] = []
  /** Bit n: there was a run of that order. */
  #orders = 0
  /** What was found last, and is still there; -1: nothing. Who looks at an event asks for its slot more than once. */
  #lastRow = -1
  #lastMm = 0
  #lastVpn = 0

  get size(): number {
    return this.#index.size
  }

  mmOf(row: number): number {
    return this.#rows.ownerOf(row)
  }

  /** Of a run: its first. */
  vpnOf(row: number): number {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    return (words[at + 7] & VPN_HIGH) * HIGH + words[at + 2]
  }

  pagesOf(row: number): number {
    return 1 << this.orderOf(row)
  }

  /** The recording's number of the interval; 0: it was not told of. */
  idOf(row: number): number {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    return ((words[at + 7] >>> ID_SHIFT) & ID_HIGH) * HIGH + words[at + 6]
  }

  /** Numbers below 2^43. */
  setId(row: number, id: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    words[at + 6] = id
    words[at + 7] = (words[at + 7] & ~(ID_HIGH << ID_SHIFT)) | ((id / HIGH) << ID_SHIFT)
  }

  fromNsOf(row: number): number {
    return this.#doubles[row >> CHUNK_SHIFT][(row & IN_CHUNK) * DOUBLES]
  }

  setFromNs(row: number, timeNs: number): void {
    this.#doubles[row >> CHUNK_SHIFT][(row & IN_CHUNK) * DOUBLES] = timeNs
  }

  /** Row of the frame. */
  frameOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 3] & FRAME
  }

  setFrame(row: number, frame: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS + 3
    words[at] = (words[at] & ~FRAME) | frame
  }

  /** The number of gaps that there had been when it was last observed. */
  gapsOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4]
  }

  setGaps(row: number, gaps: number): void {
    this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 4] = gaps
  }

  /** Write protections that there had been when it was last mapped or made writable. */
  protectionsOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 5]
  }

  setProtections(row: number, protections: number): void {
    this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 5] = protections
  }

  /** Bits of `SlotFlag`. */
  flagsOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 7] >>> FLAGS_SHIFT
  }

  setFlags(row: number, flags: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS + 7
    words[at] = (words[at] & ((1 << FLAGS_SHIFT) - 1)) | (flags << FLAGS_SHIFT)
  }

  /** Of the run: 0 for a single slot. */
  orderOf(row: number): number {
    return this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 3] >>> FRAME_BITS
  }

  /** Why its interval began. */
  causeOf(row: number): number {
    return (this.#words[row >> CHUNK_SHIFT][(row & IN_CHUNK) * WORDS + 7] >>> CAUSE_SHIFT) & CAUSE
  }

  setCause(row: number, cause: number): void {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS + 7
    words[at] = (words[at] & ~(CAUSE << CAUSE_SHIFT)) | (cause << CAUSE_SHIFT)
  }

  /** The row of the slot, or of the run that it lies in; or -1. */
  find(mm: number, vpn: number): number {
    if (this.#lastVpn === vpn && this.#lastMm === mm && this.#lastRow >= 0) return this.#lastRow
    const row = this.#find(mm, vpn, 0)
    if (row < 0) return this.#orders === 0 ? row : this.#findRun(mm, vpn)
    this.#lastRow = row
    this.#lastMm = mm
    this.#lastVpn = vpn
    return row
  }

  /** Whether there may be runs. */
  get hasRuns(): boolean {
    return this.#orders !== 0
  }

  /** A row with its key; it maps no frame yet. */
  insert(mm: RowOwner, vpn: number, order: number): number {
    const row = this.#rows.take(mm)
    if (row >> CHUNK_SHIFT >= this.#words.length) this.#grow()
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    words.fill(0, at, at + WORDS)
    words[at + 2] = vpn
    words[at + 3] = order << FRAME_BITS
    words[at + 7] = vpn / HIGH
    this.#index.insert(row, hash(mm.id, vpn, order))
    if (order > 0) this.#orders |= 1 << order
    return row
  }

  remove(row: number, mm: RowOwner): void {
    this.#lastRow = -1
    this.#index.remove(row, this.#hashOf(row))
    this.#rows.giveBack(row, mm)
  }

  clear(): void {
    this.#lastRow = -1
    this.#index.clear()
    this.#rows.clear()
    this.#orders = 0
  }

  /** Any row of the address space, or -1. */
  anyOf(mm: RowOwner): number {
    return this.#rows.anyOf(mm)
  }

  /** Each row of the address space; `each` may remove the row it is told, and must insert none there. */
  forEachOf(mm: RowOwner, each: (row: number) => void): void {
    this.#rows.forEachOf(mm, each)
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    return this.#rows.nextInRound()
  }

  /** A slot (order 0), or the run of that order that begins there. */
  #find(mm: number, vpn: number, order: number): number {
    if (vpn >= END_OF_VPNS) return -1
    const sought = hash(mm, vpn, order)
    let row = this.#index.first(sought)
    while (row >= 0 && !this.#is(row, mm, vpn, order)) row = this.#index.next(sought)
    return row
  }

  #is(row: number, mm: number, vpn: number, order: number): boolean {
    const words = this.#words[row >> CHUNK_SHIFT]
    const at = (row & IN_CHUNK) * WORDS
    return (
      words[at + 2] === vpn >>> 0 &&
      words[at + 3] >>> FRAME_BITS === order &&
      (words[at + 7] & VPN_HIGH) === ((vpn * PER_HIGH) | 0) &&
      this.#rows.ownerOf(row) === mm
    )
  }

  #findRun(mm: number, vpn: number): number {
    for (let bits = this.#orders; bits !== 0; bits &= bits - 1) {
      const order = 31 - Math.clz32(bits & -bits)
      const row = this.#find(mm, vpn - (vpn % (1 << order)), order)
      if (row >= 0) return row
    }
    return -1
  }

  #hashOf(row: number): number {
    return hash(this.#rows.ownerOf(row), this.vpnOf(row), this.orderOf(row))
  }

  #grow(): void {
    const memory = new ArrayBuffer(CHUNK * WORDS * 4)
    this.#words.push(new Uint32Array(memory))
    this.#doubles.push(new Float64Array(memory))
  }
}

/** Page numbers come in runs: the low bits must spread, and the high bits must take part. */
function hash(mm: number, vpn: number, order: number): number {
  let h =
    Math.imul(vpn >>> 0, 0x9e3779b1) ^ Math.imul((vpn * PER_HIGH) | 0, 0x85ebca6b) ^ Math.imul(mm, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15) ^ order, 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return h ^ (h >>> 15)
}
