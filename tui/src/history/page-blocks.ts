import { BLOCK_BITS, END, inRegion, PageRegions, REGION_BITS, type RegionOwner } from './page-regions.js'

const ROWS = 1 << BLOCK_BITS
/** Blocks come in chunks, so that a table grows without a copy, and with little to spare. */
const CHUNK_BITS = 10 + BLOCK_BITS
const IN_CHUNK = (1 << CHUNK_BITS) - 1
/** Blocks of a region. */
const BLOCKS_BITS = REGION_BITS - BLOCK_BITS
const IN_BLOCKS = (1 << BLOCKS_BITS) - 1
/** Beside a block that is free, instead of its place. */
const FREE = 2 ** 31

/**
 * Rows of words, found by the pages that they are about: in blocks of four neighbours, as pages come and go in runs. What is read
 * of one page brings the next ones near; no row holds its key, and none is split by what belongs to all. A page without
 * neighbours takes the room of four, and a region.
 *
 * A row keeps its number while it lives. Its words are what was left there: who inserts it sets them.
 */
export class PageBlocks {
  readonly #regions = new PageRegions()
  readonly #chunks: Uint32Array[] = []
  /** The same memory. */
  readonly #doubles: Float64Array[] = []
  /** By block: its region, and which of its blocks it is. Of a block that is free: FREE, and the next one that is plus one. */
  readonly #places: Uint32Array[] = []
  readonly #rowWords: number
  /** Blocks that were ever taken, and those that are. */
  #ever = 0
  #taken = 0
  /** Block + 1, 0: none. */
  #firstFree = 0
  #size = 0
  #hand = 0

  constructor(rowWords: number) {
    this.#rowWords = rowWords
  }

  /** Rows that live. */
  get size(): number {
    return this.#size
  }

  /** Blocks that hold some. */
  get blocks(): number {
    return this.#taken
  }

  /** All rows that there ever were are below. */
  get end(): number {
    return this.#ever * ROWS
  }

  /** Where the row's words are... */
  wordsOf(row: number): Uint32Array {
    return this.#chunks[row >> CHUNK_BITS]
  }

  /** ... and from where on. */
  at(row: number): number {
    return (row & IN_CHUNK) * this.#rowWords
  }

  /** The same words by two: half as many, from half as far on. */
  doublesOf(row: number): Float64Array {
    return this.#doubles[row >> CHUNK_BITS]
  }

  pageOf(row: number): number {
    const place = this.#placeOf(row)
    return this.#regions.pageOf(place >> BLOCKS_BITS) + pageIn(place, row)
  }

  /** The owner's number. */
  ownerOf(row: number): number {
    return this.#regions.ownerOf(this.#placeOf(row) >> BLOCKS_BITS)
  }

  isLive(row: number): boolean {
    const place = this.#placeOf(row)
    return place < FREE && (this.#regions.usedIn(place >> BLOCKS_BITS) & (1 << pageIn(place, row))) !== 0
  }

  /** The page's row, or -1. Any number may be asked for. Nobody is owner 0. */
  find(owner: number, page: number): number {
    if (!(page < END)) return -1
    const region = this.#regions.find(owner, page)
    if (region < 0) return -1
    const at = inRegion(page)
    return (this.#regions.usedIn(region) & (1 << at)) === 0 ? -1 : this.#rowIn(region, at)
  }

  /** A row for a page that has none. */
  insert(owner: RegionOwner, page: number): number {
    const region = this.#regions.obtain(owner, page)
    const at = inRegion(page)
    const used = this.#regions.usedIn(region)
    if ((used & neighbours(at)) === 0) this.#regions.setBlock(region, at, this.#begin(region, at))
    this.#regions.setUsed(region, used | (1 << at))
    this.#size++
    return this.#rowIn(region, at)
  }

  /** `owner` is that of the row. */
  remove(row: number, owner: RegionOwner): void {
    const place = this.#placeOf(row)
    const region = place >> BLOCKS_BITS
    const at = pageIn(place, row)
    const used = this.#regions.usedIn(region) & ~(1 << at)
    this.#regions.setUsed(region, used)
    this.#size--
    if ((used & neighbours(at)) === 0) this.#giveBack(row >> BLOCK_BITS)
    if (used === 0) this.#regions.end(region, owner)
  }

  /** Owners that had rows must be forgotten. */
  clear(): void {
    this.#regions.clear()
    this.#ever = 0
    this.#taken = 0
    this.#firstFree = 0
    this.#size = 0
  }

  /** Each of the owner's rows; `each` may remove the row it is told, and must remove no other of that owner. */
  forEachOf({ firstRegion }: RegionOwner, each: (row: number) => void): void {
    for (let region = firstRegion; region >= 0;) {
      const next = this.#regions.after(region)
      this.#forEach(region, this.#regions.usedIn(region), each)
      region = next
    }
  }

  /** Each of the owner's rows of the range, by page; `each` may remove the row it is told, and must remove no other. */
  forEachIn(owner: number, page: number, count: number, each: (row: number) => void): void {
    const end = Math.min(page + count, END)
    const pages = 1 << REGION_BITS
    for (let at = page - inRegion(page); at < end; at += pages) {
      const region = this.#regions.find(owner, at)
      if (region < 0) continue
      let used = this.#regions.usedIn(region)
      if (at < page) used &= -1 << (page - at)
      if (at + pages > end) used &= (1 << (end - at)) - 1
      this.#forEach(region, used, each)
    }
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    for (;;) {
      const row = this.#hand++ % this.end
      if (this.isLive(row)) return row
    }
  }

  #forEach(region: number, pages: number, each: (row: number) => void): void {
    for (let left = pages; left !== 0; left &= left - 1) each(this.#rowIn(region, lowest(left)))
  }

  #rowIn(region: number, at: number): number {
    return (this.#regions.blockOf(region, at) << BLOCK_BITS) | (at & (ROWS - 1))
  }

  #placeOf(row: number): number {
    return this.#places[row >> CHUNK_BITS][(row & IN_CHUNK) >> BLOCK_BITS]
  }

  #setPlace(block: number, place: number): void {
    this.#places[block >> (CHUNK_BITS - BLOCK_BITS)][block & (IN_CHUNK >> BLOCK_BITS)] = place
  }

  /** A block for the page of the region and its neighbours. */
  #begin(region: number, at: number): number {
    const block = this.#free()
    this.#setPlace(block, (region << BLOCKS_BITS) | (at >> BLOCK_BITS))
    this.#taken++
    return block
  }

  #free(): number {
    const block = this.#firstFree - 1
    if (block >= 0) {
      this.#firstFree = this.#placeOf(block << BLOCK_BITS) - FREE
      return block
    }
    if ((this.#ever << BLOCK_BITS) >> CHUNK_BITS >= this.#chunks.length) {
      const words = new Uint32Array(this.#rowWords << CHUNK_BITS)
      this.#chunks.push(words)
      this.#doubles.push(new Float64Array(words.buffer))
      this.#places.push(new Uint32Array((1 << CHUNK_BITS) >> BLOCK_BITS))
    }
    return this.#ever++
  }

  #giveBack(block: number): void {
    this.#setPlace(block, FREE + this.#firstFree)
    this.#firstFree = block + 1
    this.#taken--
  }
}

/** Bits of the page and of those that its block is for, in its region. */
function neighbours(at: number): number {
  return ((1 << ROWS) - 1) << (at & -ROWS)
}

/** Which of its region's pages the row is about, whose block has that place. */
function pageIn(place: number, row: number): number {
  return ((place & IN_BLOCKS) << BLOCK_BITS) | (row & (ROWS - 1))
}

/** Number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
