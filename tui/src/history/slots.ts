import { grown, KeyedRows } from './keyed-rows.js'

/** Keys of mappings of more than a page lie beyond all page numbers. */
const RUNS = 2 ** 46

/** Columns of a row that are words, and where in the last of them its bytes are. */
const WORDS = 4
const BYTE = 0xff
const ORDER_SHIFT = 8
const CAUSE_SHIFT = 16

/** Facts of a slot, as bits. */
export const SlotFlag = {
  /** Mapped by a PMD, or by hugetlb's own entry: not by PTEs that may change one by one. */
  Whole: 1,
  /** Fork, KSM, swap, collapse or migration has touched it since it got a copy of its own. */
  MayBeShared: 2,
} as const

/**
 * What maps something: one row a slot, found by (mm, vpn), or one a run of 2^order slots that were mapped as one and
 * were not met one by one since. No slot has two rows. Rows are chained by the frame that they map (a run: its first)
 * and by the mm that they are in; whoever inserts and removes keeps the chains' heads.
 */
export class SlotTable {
  readonly #rows = new KeyedRows()
  /** The recording's number of the interval; 0: it was not told of. */
  id = new Float64Array(this.#rows.capacity)
  fromNs = new Float64Array(this.#rows.capacity)
  /** Sequence number of the event that gave it a copy of its own; 0: not seen. */
  brokenSeq = new Float64Array(this.#rows.capacity)
  /** Of each row: its frame's row; gaps; protections; and cause, order and flags. What is read together lies together. */
  #words = new Uint32Array(this.#rows.capacity * WORDS)
  nextOfFrame = new Int32Array(this.#rows.capacity)
  prevOfFrame = new Int32Array(this.#rows.capacity)
  nextOfMm = new Int32Array(this.#rows.capacity)
  prevOfMm = new Int32Array(this.#rows.capacity)
  /** Bit n: there was a run of that order. */
  #orders = 0
  #hand = 0

  get size(): number {
    return this.#rows.size
  }

  mmOf(row: number): number {
    return this.#rows.a(row)
  }

  /** Of a run: its first. */
  vpnOf(row: number): number {
    const key = this.#rows.b(row)
    return key < RUNS ? key : key - RUNS
  }

  pagesOf(row: number): number {
    return 2 ** this.orderOf(row)
  }

  /** Row of the frame. */
  frameOf(row: number): number {
    return this.#words[row * WORDS]
  }

  setFrame(row: number, frame: number): void {
    this.#words[row * WORDS] = frame
  }

  /** The number of gaps that there had been when it was last observed. */
  gapsOf(row: number): number {
    return this.#words[row * WORDS + 1]
  }

  setGaps(row: number, gaps: number): void {
    this.#words[row * WORDS + 1] = gaps
  }

  /** Write protections that there had been when it was last mapped or made writable. */
  protectionsOf(row: number): number {
    return this.#words[row * WORDS + 2]
  }

  setProtections(row: number, protections: number): void {
    this.#words[row * WORDS + 2] = protections
  }

  /** Bits of `SlotFlag`. */
  flagsOf(row: number): number {
    return this.#words[row * WORDS + 3] & BYTE
  }

  setFlags(row: number, flags: number): void {
    this.#words[row * WORDS + 3] = (this.#words[row * WORDS + 3] & ~BYTE) | flags
  }

  /** Of the run: 0 for a single slot. */
  orderOf(row: number): number {
    return (this.#words[row * WORDS + 3] >>> ORDER_SHIFT) & BYTE
  }

  /** Why its interval began. */
  causeOf(row: number): number {
    return this.#words[row * WORDS + 3] >>> CAUSE_SHIFT
  }

  setCause(row: number, cause: number): void {
    const others = this.#words[row * WORDS + 3] & ((1 << CAUSE_SHIFT) - 1)
    this.#words[row * WORDS + 3] = others | (cause << CAUSE_SHIFT)
  }

  /** The row of the slot, or of the run that it lies in; or -1. */
  find(mm: number, vpn: number): number {
    const row = this.#rows.find(mm, vpn)
    return row >= 0 || this.#orders === 0 ? row : this.#findRun(mm, vpn)
  }

  /** Whether there may be runs. */
  get hasRuns(): boolean {
    return this.#orders !== 0
  }

  /** The run of this order that begins at the slot, or -1. */
  #findRunAt(mm: number, vpn: number, order: number): number {
    const row = this.#rows.find(mm, vpn + RUNS)
    return row >= 0 && this.orderOf(row) === order ? row : -1
  }

  /** A row with its key, in no chain yet. */
  insert(mm: number, vpn: number, order: number): number {
    const row = this.#rows.insert(mm, order === 0 ? vpn : vpn + RUNS)
    if (this.#rows.capacity > this.id.length) this.#grow()
    this.#words[row * WORDS + 3] = order << ORDER_SHIFT
    if (order > 0) this.#orders |= 1 << order
    return row
  }

  remove(row: number): void {
    this.#rows.remove(row)
  }

  clear(): void {
    this.#rows.clear()
    this.#orders = 0
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    for (;;) {
      const row = this.#hand++ % this.#rows.used
      if (this.#rows.isLive(row)) return row
    }
  }

  #findRun(mm: number, vpn: number): number {
    for (let bits = this.#orders; bits !== 0; bits &= bits - 1) {
      const order = 31 - Math.clz32(bits & -bits)
      const row = this.#findRunAt(mm, vpn - (vpn % 2 ** order), order)
      if (row >= 0) return row
    }
    return -1
  }

  #grow(): void {
    const { capacity } = this.#rows
    this.id = grown(this.id, new Float64Array(capacity))
    this.fromNs = grown(this.fromNs, new Float64Array(capacity))
    this.brokenSeq = grown(this.brokenSeq, new Float64Array(capacity))
    this.#words = grown(this.#words, new Uint32Array(capacity * WORDS))
    this.nextOfFrame = grown(this.nextOfFrame, new Int32Array(capacity))
    this.prevOfFrame = grown(this.prevOfFrame, new Int32Array(capacity))
    this.nextOfMm = grown(this.nextOfMm, new Int32Array(capacity))
    this.prevOfMm = grown(this.prevOfMm, new Int32Array(capacity))
  }
}
