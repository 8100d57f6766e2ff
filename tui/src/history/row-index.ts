/** Fuller than this, searches become long. */
const FULLEST = 0.875
/** Room grows by a fifth: what is unused costs more than putting the rest in anew. */
const GROWTH = 1.2
const FEWEST = 64
const FEWEST_ROW_BITS = 8

/**
 * Finds rows of a table by a hash of their keys: open addressing, 4.6 to 5.5 bytes a row. Whatever bits of a bucket the
 * number of the row leaves free hold bits of its hash, so that few rows are looked at in vain.
 */
export class RowIndex {
  readonly #hashOf: (row: number) => number
  /** Row + 1 in the low bits, 0: empty. */
  #buckets = new Uint32Array(FEWEST)
  /** From 32 bits to a bucket. */
  #scale = FEWEST / 2 ** 32
  #rowBits = FEWEST_ROW_BITS
  #size = 0
  #at = 0

  /** `hashOf` tells the hash of a row that is in the index. All bits of it should depend on all of the key. */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf
  }

  get size(): number {
    return this.#size
  }

  /** The first row that may have the hash, or -1. */
  first(hash: number): number {
    this.#at = ((hash >>> 0) * this.#scale) | 0
    return this.#candidate(hash)
  }

  /** The next one, after `first` or `next` with the same hash. */
  next(hash: number): number {
    this.#step()
    return this.#candidate(hash)
  }

  insert(row: number, hash: number): void {
    const isFull = this.#size + 1 > this.#buckets.length * FULLEST
    if (isFull || row + 1 >= 2 ** this.#rowBits) this.#grow(row, isFull)
    this.#size++
    this.#place(row, hash)
  }

  /** It must be there. */
  remove(row: number, hash: number): void {
    const buckets = this.#buckets
    const length = buckets.length
    const rows = 2 ** this.#rowBits - 1
    this.#at = ((hash >>> 0) * this.#scale) | 0
    while ((buckets[this.#at] & rows) !== row + 1) this.#step()
    this.#size--
    // Later entries of the same cluster move back, so that searches need no tombstones.
    let hole = this.#at
    for (let bucket = hole; ;) {
      bucket = bucket + 1 === length ? 0 : bucket + 1
      const word = buckets[bucket]
      if (word === 0) break
      const home = ((this.#hashOf((word & rows) - 1) >>> 0) * this.#scale) | 0
      // It may move unless its home lies (cyclically) behind the hole.
      if (distance(home, bucket, length) < distance(hole, bucket, length)) continue
      buckets[hole] = word
      hole = bucket
    }
    buckets[hole] = 0
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#size = 0
  }

  #candidate(hash: number): number {
    const buckets = this.#buckets
    const rowBits = this.#rowBits
    const mark = (hash << rowBits) >>> rowBits
    for (;;) {
      const word = buckets[this.#at]
      if (word === 0) return -1
      if (word >>> rowBits === mark) return (word & (2 ** rowBits - 1)) - 1
      this.#step()
    }
  }

  #step(): void {
    this.#at = this.#at + 1 === this.#buckets.length ? 0 : this.#at + 1
  }

  #place(row: number, hash: number): void {
    this.#at = ((hash >>> 0) * this.#scale) | 0
    while (this.#buckets[this.#at] !== 0) this.#step()
    this.#buckets[this.#at] = ((hash << this.#rowBits) | (row + 1)) >>> 0
  }

  #grow(row: number, isFull: boolean): void {
    const old = this.#buckets
    const rows = 2 ** this.#rowBits - 1
    while (row + 1 >= 2 ** this.#rowBits) this.#rowBits++
    this.#buckets = new Uint32Array(isFull ? Math.ceil(old.length * GROWTH) : old.length)
    this.#scale = this.#buckets.length / 2 ** 32
    for (const word of old) if (word !== 0) this.#place((word & rows) - 1, this.#hashOf((word & rows) - 1))
  }
}

function distance(from: number, to: number, length: number): number {
  return to >= from ? to - from : to - from + length
}
