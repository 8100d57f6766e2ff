/** Fuller than this, searches become long. */
const FULLEST = 0.9
/** Room grows by a fifth: what is unused costs more than putting the rest in anew. */
const GROWTH = 1.2
const FEWEST = 64
const FEWEST_ROW_BITS = 8
/** Bits for how far an entry is from its home; the largest stands for this far or farther. */
const DISTANCE_BITS = 5
const FAR = 2 ** DISTANCE_BITS - 1

/**
 * Finds rows of a table by a hash of their keys: open addressing, 4.4 to 5.3 bytes a row. Who is nearer to its home makes
 * place for who is farther ("robin hood"), so that no entry is far from it, and a search for what is not there ends early.
 *
 * A bucket holds row + 1 in its low bits, 0 where it is empty; the distance in its highest; and bits of the hash between
 * them. So rows themselves are looked at only where they are most likely the one, and hardly ever to move them.
 */
export class RowIndex {
  readonly #hashOf: (row: number) => number
  #buckets = new Uint32Array(FEWEST)
  /** From 32 bits to a bucket. */
  #scale = FEWEST / 2 ** 32
  #rowBits = FEWEST_ROW_BITS
  #size = 0
  /** No row is as large. */
  #end = 0
  /** Where the search has come to, and how far from its beginning. */
  #at = 0
  #distance = 0

  /** `hashOf` tells the hash of a row, anything of one that is not in the index. All bits of it should depend on all of the key. */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf
  }

  get size(): number {
    return this.#size
  }

  /** The first row that may have the hash, or -1. */
  first(hash: number): number {
    this.#at = ((hash >>> 0) * this.#scale) | 0
    this.#distance = 0
    return this.#candidate(hash)
  }

  /** The next one, after `first` or `next` with the same hash. */
  next(hash: number): number {
    this.#step()
    return this.#candidate(hash)
  }

  insert(row: number, hash: number): void {
    const isFull = this.#size + 1 > this.#buckets.length * FULLEST
    if (row >= this.#end) this.#end = row + 1
    if (isFull || this.#end >= 1 << this.#rowBits) this.#grow(isFull)
    this.#size++
    this.#place(row, hash)
  }

  /** It must be there. */
  remove(row: number, hash: number): void {
    const buckets = this.#buckets
    const rows = (1 << this.#rowBits) - 1
    this.#at = ((hash >>> 0) * this.#scale) | 0
    while ((buckets[this.#at] & rows) !== row + 1) this.#step()
    this.#size--
    // Later entries of the same cluster move back, so that searches need no tombstones.
    let hole = this.#at
    for (;;) {
      const behind = hole + 1 === buckets.length ? 0 : hole + 1
      const word = buckets[behind]
      const distance = this.#distanceOf(word, behind)
      if (word === 0 || distance === 0) break
      buckets[hole] = marked(word, distance - 1)
      hole = behind
    }
    buckets[hole] = 0
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#size = 0
    this.#end = 0
  }

  #candidate(hash: number): number {
    const buckets = this.#buckets
    const rowBits = this.#rowBits
    const mark = ((hash << (rowBits + DISTANCE_BITS)) >>> DISTANCE_BITS) >>> rowBits
    for (;;) {
      const word = buckets[this.#at]
      const distance = this.#distance < FAR ? this.#distance : FAR
      if (word === 0 || word >>> (32 - DISTANCE_BITS) < distance) return -1
      if (word >>> rowBits === ((distance << (32 - DISTANCE_BITS - rowBits)) | mark))
        return (word & ((1 << rowBits) - 1)) - 1
      this.#step()
    }
  }

  #step(): void {
    this.#distance++
    this.#at = this.#at + 1 === this.#buckets.length ? 0 : this.#at + 1
  }

  #distanceOf(word: number, bucket: number): number {
    const distance = word >>> (32 - DISTANCE_BITS)
    if (distance < FAR || word === 0) return distance
    const home = ((this.#hashOf((word & ((1 << this.#rowBits) - 1)) - 1) >>> 0) * this.#scale) | 0
    return bucket >= home ? bucket - home : bucket - home + this.#buckets.length
  }

  #place(row: number, hash: number): void {
    const buckets = this.#buckets
    let word = ((hash << this.#rowBits) | (row + 1)) >>> 0
    this.#at = ((hash >>> 0) * this.#scale) | 0
    this.#distance = 0
    for (;;) {
      const other = buckets[this.#at]
      if (other === 0) break
      const distance = this.#distanceOf(other, this.#at)
      if (distance < this.#distance) {
        buckets[this.#at] = marked(word, this.#distance)
        word = other
        this.#distance = distance
      }
      this.#step()
    }
    buckets[this.#at] = marked(word, this.#distance)
  }

  #grow(isFull: boolean): void {
    const old = this.#buckets
    const rows = (1 << this.#rowBits) - 1
    while (this.#end >= 1 << this.#rowBits) this.#rowBits++
    this.#buckets = new Uint32Array(isFull ? Math.ceil(old.length * GROWTH) : old.length)
    this.#scale = this.#buckets.length / 2 ** 32
    // Rows are read in their own order, and found by their hashes: the other way round memory would be read at random.
    const hashes = new Int32Array(this.#end)
    for (let row = 0; row < this.#end - 1; row++) hashes[row] = this.#hashOf(row)
    for (const word of old) if (word !== 0) this.#place((word & rows) - 1, hashes[(word & rows) - 1])
  }
}

/** The bucket's word with another distance. */
function marked(word: number, distance: number): number {
  const kept = word & (2 ** (32 - DISTANCE_BITS) - 1)
  return kept | ((distance < FAR ? distance : FAR) << (32 - DISTANCE_BITS))
}
