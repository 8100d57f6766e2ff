const LIVE = -2

/** Rows found by a pair of numbers: open addressing over typed arrays, no object a row. */
export class KeyedRows {
  /** Keys of row i, to be read only: below 2^32, and below 2^53. */
  a: Uint32Array
  b: Float64Array
  /** Row + 1 in each bucket, 0: empty. At least twice as many buckets as rows. */
  #buckets: Int32Array
  #mask: number
  /** Rows that were removed, as a chain; LIVE for those that were not. */
  #nextFree: Int32Array
  #firstFree = -1
  #used = 0
  #size = 0

  constructor(capacity = 1024) {
    this.a = new Uint32Array(capacity)
    this.b = new Float64Array(capacity)
    this.#nextFree = new Int32Array(capacity)
    this.#buckets = new Int32Array(capacity * 2)
    this.#mask = capacity * 2 - 1
  }

  get size(): number {
    return this.#size
  }

  /** Rows that there is room for; a power of two. It doubles when they are all taken. */
  get capacity(): number {
    return this.a.length
  }

  /** Rows that were ever taken: those beyond have never held anything. */
  get used(): number {
    return this.#used
  }

  /** The row, or -1. */
  find(a: number, b: number): number {
    for (let bucket = hash(a, b) & this.#mask; ; bucket = (bucket + 1) & this.#mask) {
      const row = this.#buckets[bucket] - 1
      if (row < 0 || (this.b[row] === b && this.a[row] === a)) return row
    }
  }

  /** A row for a pair that has none. */
  insert(a: number, b: number): number {
    let row = this.#firstFree
    if (row >= 0) this.#firstFree = this.#nextFree[row]
    else {
      if (this.#used === this.capacity) this.#grow()
      row = this.#used++
    }
    this.#nextFree[row] = LIVE
    this.a[row] = a
    this.b[row] = b
    this.#size++
    this.#place(row)
    return row
  }

  isLive(row: number): boolean {
    return this.#nextFree[row] === LIVE
  }

  remove(row: number): void {
    this.#vacate(this.#bucketOf(row))
    this.#nextFree[row] = this.#firstFree
    this.#firstFree = row
    this.#size--
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#firstFree = -1
    this.#used = 0
    this.#size = 0
  }

  #place(row: number): void {
    let bucket = hash(this.a[row], this.b[row]) & this.#mask
    while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) & this.#mask
    this.#buckets[bucket] = row + 1
  }

  #bucketOf(row: number): number {
    let bucket = hash(this.a[row], this.b[row]) & this.#mask
    while (this.#buckets[bucket] !== row + 1) bucket = (bucket + 1) & this.#mask
    return bucket
  }

  /** Moves later entries of the same cluster back, so that searches need no tombstones. */
  #vacate(hole: number): void {
    for (let bucket = hole; ;) {
      bucket = (bucket + 1) & this.#mask
      const row = this.#buckets[bucket] - 1
      if (row < 0) break
      const home = hash(this.a[row], this.b[row]) & this.#mask
      // It may move unless its home lies (cyclically) behind the hole.
      if (((bucket - home) & this.#mask) >= ((bucket - hole) & this.#mask)) {
        this.#buckets[hole] = row + 1
        hole = bucket
      }
    }
    this.#buckets[hole] = 0
  }

  #grow(): void {
    const capacity = this.capacity * 2
    this.a = grown(this.a, new Uint32Array(capacity))
    this.b = grown(this.b, new Float64Array(capacity))
    this.#nextFree = grown(this.#nextFree, new Int32Array(capacity))
    this.#buckets = new Int32Array(capacity * 2)
    this.#mask = capacity * 2 - 1
    // Only called when no row is free: all of them are in use.
    for (let row = 0; row < this.#used; row++) this.#place(row)
  }
}

/** `larger` with the values of `values` at its beginning. */
export function grown<T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(
  values: T,
  larger: T,
): T {
  larger.set(values)
  return larger
}

/** Page numbers come in runs: the low bits must spread, and the high bits must take part. */
function hash(a: number, b: number): number {
  let h =
    Math.imul(b | 0, 0x9e3779b1) ^ Math.imul((b / 0x1_0000_0000) | 0, 0x85ebca6b) ^ Math.imul(a, 0xc2b2ae35)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return (h ^ (h >>> 13)) >>> 0
}
