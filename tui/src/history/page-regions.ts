/** Bits of a page's number that tell it from the others of its region. */
export const REGION_BITS = 5
const PAGES = 1 << REGION_BITS
const IN_REGION = PAGES - 1
/** Pages of a block: rows come in so many, of neighbours. */
export const BLOCK_BITS = 2

/** Sixteen words a region, as many bytes as a cache line has. */
const WORD_BITS = 4
const NUMBER_LOW = 0
const NUMBER_HIGH = 1
const OWNER = 2
/** The owner's next and previous region plus one, 0 for none. A region that is free: the next one that is. */
const NEXT = 3
const PREVIOUS = 4
/** One bit a page that has a row. */
const USED = 5
/** Of each four neighbours the block, where one of them has a row. */
const BLOCKS = 8

/** Regions come in chunks, so that the table grows without a copy. */
const CHUNK_BITS = 8
const IN_CHUNK = (1 << CHUNK_BITS) - 1
/** Buckets that there are at first. Fuller than three quarters, searches become long. */
const FEWEST = 64
const FULLEST = 0.75
/** A bucket holds the number of a region plus one, 0 where it is empty; and in its highest bits some of the hash. */
const NAME_BITS = 25
const NAME = 2 ** NAME_BITS - 1

/** Nothing was looked for since a region ended. */
const NOT_KNOWN = -2
const HIGH = 2 ** 32
const PER_HIGH = 1 / HIGH
/** Page numbers are below. */
export const END = 2 ** 48

/** Whose pages they are, as far as these tables are concerned. */
export interface RegionOwner {
  readonly id: number
  /** -1: none. */
  firstRegion: number
}

/**
 * Runs of 32 pages of which some have rows, found by owner and page: one hash for all of them, and what was found last is found
 * without. Where a page's row is, its region says.
 */
export class PageRegions {
  readonly #chunks: Uint32Array[] = []
  #buckets = new Uint32Array(FEWEST)
  #mask = FEWEST - 1
  /** Regions that were ever taken, and those that are. */
  #ever = 0
  #taken = 0
  /** Region + 1, 0: none. */
  #firstFree = 0
  /** What was looked for last, and what was found: -1 where there was none; NOT_KNOWN. */
  #last = NOT_KNOWN
  #lastOwner = 0
  #lastLow = 0
  #lastHigh = 0

  /** The region of a page below END, or -1. */
  find(owner: number, page: number): number {
    return this.#search(owner, (page >>> 0) >>> REGION_BITS, (page * PER_HIGH) | 0)
  }

  /** The same; begun where there is none. */
  obtain(owner: RegionOwner, page: number): number {
    const low = (page >>> 0) >>> REGION_BITS
    const high = (page * PER_HIGH) | 0
    const known = this.#search(owner.id, low, high)
    return known >= 0 ? known : this.#begin(owner, low, high)
  }

  /** A region of which no page has a row any more. */
  end(region: number, owner: RegionOwner): void {
    this.#last = NOT_KNOWN
    this.#vacate(this.#bucketOf(region))
    const words = this.#wordsOf(region)
    const at = atOf(region)
    const next = words[at + NEXT]
    const previous = words[at + PREVIOUS]
    if (previous === 0) owner.firstRegion = next - 1
    else this.#setLink(previous - 1, NEXT, next)
    if (next !== 0) this.#setLink(next - 1, PREVIOUS, previous)
    words[at + NEXT] = this.#firstFree
    this.#firstFree = region + 1
    this.#taken--
  }

  /** Its first page. */
  pageOf(region: number): number {
    const words = this.#wordsOf(region)
    const at = atOf(region)
    return words[at + NUMBER_HIGH] * HIGH + words[at + NUMBER_LOW] * PAGES
  }

  ownerOf(region: number): number {
    return this.#wordsOf(region)[atOf(region) + OWNER]
  }

  /** The owner's next one, or -1. */
  after(region: number): number {
    return this.#wordsOf(region)[atOf(region) + NEXT] - 1
  }

  /** One bit a page that has a row. */
  usedIn(region: number): number {
    return this.#wordsOf(region)[atOf(region) + USED]
  }

  setUsed(region: number, used: number): void {
    this.#wordsOf(region)[atOf(region) + USED] = used
  }

  /** The block of page `page` of the region; of meaning where one of its neighbours has a row. */
  blockOf(region: number, page: number): number {
    return this.#wordsOf(region)[atOf(region) + BLOCKS + (page >>> BLOCK_BITS)]
  }

  setBlock(region: number, page: number, block: number): void {
    this.#wordsOf(region)[atOf(region) + BLOCKS + (page >>> BLOCK_BITS)] = block
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#ever = 0
    this.#taken = 0
    this.#firstFree = 0
    this.#last = NOT_KNOWN
  }

  #wordsOf(region: number): Uint32Array {
    return this.#chunks[region >> CHUNK_BITS]
  }

  #setLink(region: number, which: number, link: number): void {
    this.#wordsOf(region)[atOf(region) + which] = link
  }

  #search(owner: number, low: number, high: number): number {
    const isLast = low === this.#lastLow && owner === this.#lastOwner && high === this.#lastHigh
    if (isLast && this.#last !== NOT_KNOWN) return this.#last
    const region = this.#lookUp(owner, low, high)
    this.#remember(region, owner, low, high)
    return region
  }

  #lookUp(owner: number, low: number, high: number): number {
    const sought = hash(owner, low, high)
    const buckets = this.#buckets
    for (let bucket = sought & this.#mask; ; bucket = (bucket + 1) & this.#mask) {
      const word = buckets[bucket]
      if (word === 0) return -1
      if ((word ^ sought) >>> NAME_BITS !== 0) continue
      const region = (word & NAME) - 1
      const words = this.#wordsOf(region)
      const at = atOf(region)
      const isSought =
        words[at + NUMBER_LOW] === low && words[at + OWNER] === owner && words[at + NUMBER_HIGH] === high
      if (isSought) return region
    }
  }

  #remember(region: number, owner: number, low: number, high: number): void {
    this.#last = region
    this.#lastOwner = owner
    this.#lastLow = low
    this.#lastHigh = high
  }

  #begin(owner: RegionOwner, low: number, high: number): number {
    if (this.#taken >= this.#buckets.length * FULLEST) this.#grow()
    const region = this.#free()
    const words = this.#wordsOf(region)
    const at = atOf(region)
    words[at + NUMBER_LOW] = low
    words[at + NUMBER_HIGH] = high
    words[at + OWNER] = owner.id
    words[at + NEXT] = owner.firstRegion + 1
    words[at + PREVIOUS] = 0
    words[at + USED] = 0
    if (owner.firstRegion >= 0) this.#setLink(owner.firstRegion, PREVIOUS, region + 1)
    owner.firstRegion = region
    this.#taken++
    this.#place(region)
    this.#remember(region, owner.id, low, high)
    return region
  }

  #free(): number {
    const region = this.#firstFree - 1
    if (region >= 0) {
      this.#firstFree = this.#wordsOf(region)[atOf(region) + NEXT]
      return region
    }
    if (this.#ever >= NAME) throw new Error('more regions of pages than a bucket can name')
    if (this.#ever >> CHUNK_BITS >= this.#chunks.length)
      this.#chunks.push(new Uint32Array(1 << (CHUNK_BITS + WORD_BITS)))
    return this.#ever++
  }

  #hashOf(region: number): number {
    const words = this.#wordsOf(region)
    const at = atOf(region)
    return hash(words[at + OWNER], words[at + NUMBER_LOW], words[at + NUMBER_HIGH])
  }

  #place(region: number): void {
    const buckets = this.#buckets
    const of = this.#hashOf(region)
    let bucket = of & this.#mask
    while (buckets[bucket] !== 0) bucket = (bucket + 1) & this.#mask
    buckets[bucket] = (of & ~NAME) | (region + 1)
  }

  #bucketOf(region: number): number {
    const buckets = this.#buckets
    let bucket = this.#hashOf(region) & this.#mask
    while ((buckets[bucket] & NAME) !== region + 1) bucket = (bucket + 1) & this.#mask
    return bucket
  }

  /** Moves later entries of the same cluster back, so that searches need no tombstones. */
  #vacate(hole: number): void {
    const buckets = this.#buckets
    for (let bucket = hole; ;) {
      bucket = (bucket + 1) & this.#mask
      const word = buckets[bucket]
      if (word === 0) break
      // It may move unless its home lies (cyclically) behind the hole.
      const home = this.#hashOf((word & NAME) - 1)
      if (((bucket - home) & this.#mask) < ((bucket - hole) & this.#mask)) continue
      buckets[hole] = word
      hole = bucket
    }
    buckets[hole] = 0
  }

  #grow(): void {
    const old = this.#buckets
    this.#buckets = new Uint32Array(old.length * 2)
    this.#mask = this.#buckets.length - 1
    for (const word of old) if (word !== 0) this.#place((word & NAME) - 1)
  }
}

/** Which of its region's pages a page is. */
export function inRegion(page: number): number {
  return page & IN_REGION
}

function atOf(region: number): number {
  return (region & IN_CHUNK) << WORD_BITS
}

/** Neighbours must spread, and the high bits must take part. */
function hash(owner: number, low: number, high: number): number {
  let h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(owner, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return h ^ (h >>> 13)
}
