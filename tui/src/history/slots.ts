import { PageBlocks } from './page-blocks.js'
import type { RegionOwner } from './page-regions.js'
import { SlotLinks } from './slot-links.js'

/** Page numbers of mappings of more than a page lie beyond all others. */
const RUNS = 2 ** 46

/**
 * A row is eight words: 0 and 1 `fromNs` as a double; 2 the frame's row and the order; 3 gaps; 4 protections; 5 low bits of
 * the interval's number; 6 high bits of it, the cause, high bits of `brokenSeq` and the flags; 7 low bits of `brokenSeq`.
 */
const WORDS = 8
const FRAME = 2
const FRAME_BITS = 27
const FRAME_MASK = 2 ** FRAME_BITS - 1
const GAPS = 3
const PROTECTIONS = 4
const ID = 5
const MIXED = 6
const BROKEN = 7
const ID_HIGH = 0x7ff
const CAUSE_SHIFT = 11
const CAUSE = 0x1f
const BROKEN_SHIFT = 16
const BROKEN_HIGH = 0x3fff
const FLAGS_SHIFT = 30
const HIGH = 2 ** 32
const PER_HIGH = 1 / HIGH
/** No agent comes to 2^46 events: what is said to be later is kept as the last of them. */
const LATEST_BROKEN = HIGH * (BROKEN_HIGH + 1) - 1

/** Facts of a slot, as bits. */
export const SlotFlag = {
  /** Mapped by a PMD, or by hugetlb's own entry: not by PTEs that may change one by one. */
  Whole: 1,
  /** Fork, KSM, swap, collapse or migration has touched it since it got a copy of its own. */
  MayBeShared: 2,
} as const

/**
 * What maps something: one row a slot, found by (mm, vpn), or one a run of 2^order slots that were mapped as one and
 * were not met one by one since. No slot has two rows. Rows are chained by the frame that they map (a run: its first);
 * whoever inserts and removes keeps the chains.
 */
export class SlotTable {
  readonly #blocks = new PageBlocks(WORDS)
  /** Slots that map the same frame. */
  readonly links = new SlotLinks()
  /** Bit n: there was a run of that order. */
  #orders = 0

  get size(): number {
    return this.#blocks.size
  }

  /** Rooms for four neighbours that are taken, by one of them at least. */
  get blocks(): number {
    return this.#blocks.blocks
  }

  mmOf(row: number): number {
    return this.#blocks.ownerOf(row)
  }

  /** Of a run: its first. */
  vpnOf(row: number): number {
    const key = this.#blocks.pageOf(row)
    return key < RUNS ? key : key - RUNS
  }

  pagesOf(row: number): number {
    return 2 ** this.orderOf(row)
  }

  /** The recording's number of the interval; 0: it was not told of. */
  idOf(row: number): number {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    return (words[at + MIXED] & ID_HIGH) * HIGH + words[at + ID]
  }

  /** Numbers below 2^43. */
  setTold(row: number, id: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    words[at + ID] = id
    words[at + MIXED] = (words[at + MIXED] & ~ID_HIGH) | ((id * PER_HIGH) & ID_HIGH)
  }

  fromNsOf(row: number): number {
    return this.#blocks.doublesOf(row)[this.#blocks.at(row) >> 1]
  }

  /** Sequence number of the event that gave it a copy of its own; 0: not seen. */
  brokenSeqOf(row: number): number {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    return ((words[at + MIXED] >>> BROKEN_SHIFT) & BROKEN_HIGH) * HIGH + words[at + BROKEN]
  }

  /** Row of the frame. */
  frameOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + FRAME] & FRAME_MASK
  }

  /** It is a single slot from now on. */
  setSingle(row: number, frame: number): void {
    this.#blocks.wordsOf(row)[this.#blocks.at(row) + FRAME] = frame
  }

  /** Of the run: 0 for a single slot. */
  orderOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + FRAME] >>> FRAME_BITS
  }

  /** The number of gaps that there had been when it was last observed. */
  gapsOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + GAPS]
  }

  setGaps(row: number, gaps: number): void {
    this.#blocks.wordsOf(row)[this.#blocks.at(row) + GAPS] = gaps
  }

  /** Write protections that there had been when it was last mapped or made writable. */
  protectionsOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + PROTECTIONS]
  }

  setProtections(row: number, protections: number): void {
    this.#blocks.wordsOf(row)[this.#blocks.at(row) + PROTECTIONS] = protections
  }

  /** Bits of `SlotFlag`. */
  flagsOf(row: number): number {
    return this.#blocks.wordsOf(row)[this.#blocks.at(row) + MIXED] >>> FLAGS_SHIFT
  }

  setFlags(row: number, flags: number): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row) + MIXED
    words[at] = (words[at] & ((1 << FLAGS_SHIFT) - 1)) | (flags << FLAGS_SHIFT)
  }

  /** Why its interval began. */
  causeOf(row: number): number {
    return (this.#blocks.wordsOf(row)[this.#blocks.at(row) + MIXED] >>> CAUSE_SHIFT) & CAUSE
  }

  /** The row of the slot, or of the run that it lies in; or -1. */
  find(mm: number, vpn: number): number {
    const row = this.#blocks.find(mm, vpn)
    return row >= 0 || this.#orders === 0 ? row : this.#findRun(mm, vpn)
  }

  /** Whether there may be runs. */
  get hasRuns(): boolean {
    return this.#orders !== 0
  }

  /** A row with its key. What else it says is of no meaning until `begin`, or `copy`. */
  insert(mm: RegionOwner, vpn: number, order: number): number {
    if (order === 0) return this.#blocks.insert(mm, vpn)
    this.#orders |= 1 << order
    return this.#blocks.insert(mm, vpn + RUNS)
  }

  /** All that is known of a row with its key, at once. */
  begin(
    row: number,
    order: number,
    frame: number,
    id: number,
    fromNs: number,
    gaps: number,
    protections: number,
    brokenSeq: number,
    cause: number,
    flags: number,
  ): void {
    const words = this.#blocks.wordsOf(row)
    const at = this.#blocks.at(row)
    const broken = brokenSeq < LATEST_BROKEN ? brokenSeq : LATEST_BROKEN
    this.#blocks.doublesOf(row)[at >> 1] = fromNs
    words[at + FRAME] = frame | (order << FRAME_BITS)
    words[at + GAPS] = gaps
    words[at + PROTECTIONS] = protections
    words[at + ID] = id
    words[at + MIXED] =
      ((id * PER_HIGH) & ID_HIGH) |
      (cause << CAUSE_SHIFT) |
      ((broken * PER_HIGH) << BROKEN_SHIFT) |
      (flags << FLAGS_SHIFT)
    words[at + BROKEN] = broken
  }

  /** What is known of one row is known of another, but for its key. */
  copy(from: number, to: number): void {
    const words = this.#blocks.wordsOf(to)
    const at = this.#blocks.at(to)
    const source = this.#blocks.wordsOf(from)
    const sourceAt = this.#blocks.at(from)
    for (let word = 0; word < WORDS; word++) words[at + word] = source[sourceAt + word]
  }

  remove(row: number, mm: RegionOwner): void {
    this.#blocks.remove(row, mm)
  }

  clear(): void {
    this.#blocks.clear()
    this.links.clear()
    this.#orders = 0
  }

  /** Each row of the address space; `each` may remove the row it is told, and must remove no other there. */
  forEachOf(mm: RegionOwner, each: (row: number) => void): void {
    this.#blocks.forEachOf(mm, each)
  }

  /** Each slot of the range that has a row by itself, by page; `each` may remove that row, and must remove no other there. */
  forEachIn(mm: number, vpn: number, pages: number, each: (row: number) => void): void {
    this.#blocks.forEachIn(mm, vpn, pages, each)
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    return this.#blocks.nextInRound()
  }

  #findRun(mm: number, vpn: number): number {
    for (let bits = this.#orders; bits !== 0; bits &= bits - 1) {
      const order = 31 - Math.clz32(bits & -bits)
      const row = this.#blocks.find(mm, vpn - (vpn % 2 ** order) + RUNS)
      if (row >= 0 && this.orderOf(row) === order) return row
    }
    return -1
  }
}
