/** Bits of a page's number that tell it from the others of its block. */
const PAGE_BITS = 2
const PAGES = 1 << PAGE_BITS
const IN_BLOCK = PAGES - 1
/** Blocks come in chunks, so that a table grows without a copy, and with little to spare. */
const CHUNK_BITS = 10
const IN_CHUNK = (1 << CHUNK_BITS) - 1
/** Buckets that there are at first. Fuller than three quarters, searches become long. */
const FEWEST = 256
const FULLEST = 0.75
/** A bucket holds the number of a block plus one, 0 where it is empty; and in its highest bits some of the hash. */
const BLOCK_BITS = 25
const BLOCK = 2 ** BLOCK_BITS - 1

/**
 * Words at the beginning of a block: low bits of its first page; high bits of it, and one bit a page that has a row; and where
 * blocks have owners, the owner's number, and the owner's next and previous block plus one, 0 for none.
 */
const MARKS = 1
const OWNER = 2
const NEXT = 3
const PREVIOUS = 4
const HEADER = 2
/** Even, so that rows may hold doubles. */
const OWNED_HEADER = 6
const HIGH_BITS = 0xffff
const USED_SHIFT = 16
const HIGH = 2 ** 32
const PER_HIGH = 1 / HIGH
/** Page numbers are below. */
const END = HIGH * (HIGH_BITS + 1)

/** Whose pages they are, as far as these tables are concerned. */
export interface BlockOwner {
  readonly id: number
  /** -1: none. */
  firstBlock: number
}

/**
 * Rows of words, found by the pages that they are about: in blocks of neighbours, as pages come and go in runs. The hash is that of
 * a block, what is read of one page brings the next ones near, and no row holds its key. A page without neighbours takes the
 * room of four.
 *
 * A row keeps its number while it lives. Its words are what was left there: who inserts it sets them.
 */
export class PageBlocks {
  readonly #chunks: Uint32Array[] = []
  /** The same memory. */
  readonly #doubles: Float64Array[] = []
  readonly #rowWords: number
  readonly #header: number
  readonly #stride: number
  readonly #isOwned: boolean
  #buckets = new Uint32Array(FEWEST)
  #mask = FEWEST - 1
  /** Blocks that were ever taken, and those that are. */
  #ever = 0
  #taken = 0
  /** Block + 1, 0: none. */
  #firstFree = 0
  #size = 0
  #hand = 0
  /** The block that was found last; -1: none. */
  #last = -1
  #lastOwner = 0
  #lastLow = 0
  #lastHigh = 0

  constructor(rowWords: number, blocks: 'owned' | 'of nobody') {
    this.#isOwned = blocks === 'owned'
    this.#rowWords = rowWords
    this.#header = this.#isOwned ? OWNED_HEADER : HEADER
    this.#stride = this.#header + PAGES * rowWords
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
    return this.#ever * PAGES
  }

  /** Where the row's words are... */
  wordsOf(row: number): Uint32Array {
    return this.#chunks[row >> (CHUNK_BITS + PAGE_BITS)]
  }

  /** ... and from where on. */
  at(row: number): number {
    return ((row >> PAGE_BITS) & IN_CHUNK) * this.#stride + this.#header + (row & IN_BLOCK) * this.#rowWords
  }

  /** The same words by two: half as many, from half as far on. */
  doublesOf(row: number): Float64Array {
    return this.#doubles[row >> (CHUNK_BITS + PAGE_BITS)]
  }

  pageOf(row: number): number {
    const words = this.wordsOf(row)
    const at = this.#headerOf(row >> PAGE_BITS)
    return (words[at + MARKS] & HIGH_BITS) * HIGH + words[at] + (row & IN_BLOCK)
  }

  /** The owner's number, where blocks have owners. */
  ownerOf(row: number): number {
    return this.wordsOf(row)[this.#headerOf(row >> PAGE_BITS) + OWNER]
  }

  isLive(row: number): boolean {
    return (this.#usedIn(row >> PAGE_BITS) & (1 << (row & IN_BLOCK))) !== 0
  }

  /** The page's row, or -1. Any number may be asked for. Nobody is owner 0. */
  find(owner: number, page: number): number {
    if (!(page < END)) return -1
    const low = page >>> 0
    const block = this.#find(owner, low >>> PAGE_BITS, (page * PER_HIGH) | 0)
    if (block < 0 || (this.#usedIn(block) & (1 << (low & IN_BLOCK))) === 0) return -1
    return (block << PAGE_BITS) | (low & IN_BLOCK)
  }

  /** A row for a page that has none. */
  insert(owner: BlockOwner, page: number): number {
    const low = page >>> 0
    const high = (page * PER_HIGH) | 0
    let block = this.#find(owner.id, low >>> PAGE_BITS, high)
    if (block < 0) block = this.#begin(owner, low >>> PAGE_BITS, high)
    this.#wordsOf(block)[this.#headerOf(block) + MARKS] |= 1 << (USED_SHIFT + (low & IN_BLOCK))
    this.#size++
    return (block << PAGE_BITS) | (low & IN_BLOCK)
  }

  /** `owner` is that of the row. */
  remove(row: number, owner: BlockOwner): void {
    const block = row >> PAGE_BITS
    const words = this.#wordsOf(block)
    const marks = this.#headerOf(block) + MARKS
    words[marks] &= ~(1 << (USED_SHIFT + (row & IN_BLOCK)))
    this.#size--
    if (words[marks] >>> USED_SHIFT === 0) this.#end(block, owner)
  }

  /** Owners that had blocks must be forgotten. */
  clear(): void {
    this.#buckets.fill(0)
    this.#ever = 0
    this.#taken = 0
    this.#firstFree = 0
    this.#size = 0
    this.#last = -1
  }

  /** Any of the owner's rows, or -1. */
  anyOf({ firstBlock }: BlockOwner): number {
    return firstBlock < 0 ? -1 : (firstBlock << PAGE_BITS) + lowest(this.#usedIn(firstBlock))
  }

  /** Each of the owner's rows; `each` may remove the row it is told, and must remove no other of that owner. */
  forEachOf({ firstBlock }: BlockOwner, each: (row: number) => void): void {
    for (let block = firstBlock; block >= 0;) {
      const next = this.#wordsOf(block)[this.#headerOf(block) + NEXT] - 1
      for (let used = this.#usedIn(block); used !== 0; used &= used - 1)
        each((block << PAGE_BITS) + lowest(used))
      block = next
    }
  }

  /** Each of the owner's rows of the range, by page; `each` may remove the row it is told, and must remove no other. */
  forEachIn(owner: number, page: number, count: number, each: (row: number) => void): void {
    const end = Math.min(page + count, END)
    for (let at = page - (page % PAGES); at < end; at += PAGES) {
      const block = this.#find(owner, (at >>> 0) >>> PAGE_BITS, (at * PER_HIGH) | 0)
      if (block < 0) continue
      let used = this.#usedIn(block)
      if (at < page) used &= -1 << (page - at)
      if (at + PAGES > end) used &= (1 << (end - at)) - 1
      for (; used !== 0; used &= used - 1) each((block << PAGE_BITS) + lowest(used))
    }
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    for (;;) {
      const row = this.#hand++ % this.end
      if (this.isLive(row)) return row
    }
  }

  #wordsOf(block: number): Uint32Array {
    return this.#chunks[block >> CHUNK_BITS]
  }

  #headerOf(block: number): number {
    return (block & IN_CHUNK) * this.#stride
  }

  /** One bit a page of the block that has a row. */
  #usedIn(block: number): number {
    return this.#wordsOf(block)[this.#headerOf(block) + MARKS] >>> USED_SHIFT
  }

  /** `low`: low bits of the number of its first page, without those that are 0. */
  #find(owner: number, low: number, high: number): number {
    if (low === this.#lastLow && owner === this.#lastOwner && high === this.#lastHigh && this.#last >= 0)
      return this.#last
    const sought = hash(owner, low, high)
    const buckets = this.#buckets
    for (let at = sought & this.#mask; ; at = (at + 1) & this.#mask) {
      const word = buckets[at]
      if (word === 0) return -1
      if ((word ^ sought) >>> BLOCK_BITS !== 0) continue
      const block = (word & BLOCK) - 1
      const words = this.#wordsOf(block)
      const header = this.#headerOf(block)
      if (words[header] >>> PAGE_BITS !== low || (words[header + MARKS] & HIGH_BITS) !== high) continue
      if (this.#isOwned && words[header + OWNER] !== owner) continue
      this.#last = block
      this.#lastOwner = owner
      this.#lastLow = low
      this.#lastHigh = high
      return block
    }
  }

  #begin(owner: BlockOwner, low: number, high: number): number {
    if (this.#taken >= this.#buckets.length * FULLEST) this.#grow()
    const block = this.#free()
    const words = this.#wordsOf(block)
    const header = this.#headerOf(block)
    words[header] = low << PAGE_BITS
    words[header + MARKS] = high
    if (this.#isOwned) {
      words[header + OWNER] = owner.id
      words[header + NEXT] = owner.firstBlock + 1
      words[header + PREVIOUS] = 0
      if (owner.firstBlock >= 0) this.#setLink(owner.firstBlock, PREVIOUS, block + 1)
      owner.firstBlock = block
    }
    this.#taken++
    this.#place(block)
    this.#last = block
    this.#lastOwner = owner.id
    this.#lastLow = low
    this.#lastHigh = high
    return block
  }

  #free(): number {
    const block = this.#firstFree - 1
    if (block >= 0) {
      this.#firstFree = this.#wordsOf(block)[this.#headerOf(block)]
      return block
    }
    if (this.#ever >= BLOCK) throw new Error('more blocks of pages than a bucket can name')
    if (this.#ever >> CHUNK_BITS >= this.#chunks.length) {
      const words = new Uint32Array(this.#stride << CHUNK_BITS)
      this.#chunks.push(words)
      this.#doubles.push(new Float64Array(words.buffer))
    }
    return this.#ever++
  }

  #end(block: number, owner: BlockOwner): void {
    this.#last = -1
    this.#vacate(this.#bucketOf(block))
    const words = this.#wordsOf(block)
    const header = this.#headerOf(block)
    if (this.#isOwned) {
      const next = words[header + NEXT]
      const previous = words[header + PREVIOUS]
      if (previous === 0) owner.firstBlock = next - 1
      else this.#setLink(previous - 1, NEXT, next)
      if (next !== 0) this.#setLink(next - 1, PREVIOUS, previous)
    }
    words[header] = this.#firstFree
    this.#firstFree = block + 1
    this.#taken--
  }

  #setLink(block: number, which: number, link: number): void {
    this.#wordsOf(block)[this.#headerOf(block) + which] = link
  }

  #hashOf(block: number): number {
    const words = this.#wordsOf(block)
    const header = this.#headerOf(block)
    const owner = this.#isOwned ? words[header + OWNER] : 0
    return hash(owner, words[header] >>> PAGE_BITS, words[header + MARKS] & HIGH_BITS)
  }

  #place(block: number): void {
    const buckets = this.#buckets
    const of = this.#hashOf(block)
    let at = of & this.#mask
    while (buckets[at] !== 0) at = (at + 1) & this.#mask
    buckets[at] = (of & ~BLOCK) | (block + 1)
  }

  #bucketOf(block: number): number {
    const buckets = this.#buckets
    let at = this.#hashOf(block) & this.#mask
    while ((buckets[at] & BLOCK) !== block + 1) at = (at + 1) & this.#mask
    return at
  }

  /** Moves later entries of the same cluster back, so that searches need no tombstones. */
  #vacate(hole: number): void {
    const buckets = this.#buckets
    for (let at = hole; ;) {
      at = (at + 1) & this.#mask
      const word = buckets[at]
      if (word === 0) break
      // It may move unless its home lies (cyclically) behind the hole.
      const home = this.#hashOf((word & BLOCK) - 1)
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue
      buckets[hole] = word
      hole = at
    }
    buckets[hole] = 0
  }

  #grow(): void {
    const length = this.#buckets.length * 2
    this.#buckets = new Uint32Array(length)
    this.#mask = length - 1
    for (let block = 0; block < this.#ever; block++) if (this.#usedIn(block) !== 0) this.#place(block)
  }
}

/** Number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}

/** Neighbours must spread, and the high bits must take part. */
function hash(owner: number, low: number, high: number): number {
  let h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(owner, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return h ^ (h >>> 13)
}
