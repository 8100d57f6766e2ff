/** Beyond this many rows, room grows by a quarter: unused rows cost more than moving the used ones. */
const DOUBLED_TO = 65_536
/** Fuller than half, searches for what is not there become long. */
const FULLEST = 0.5
const HIGH = 2 ** 32

/** Rows found by a pair of numbers: open addressing over typed arrays, no object a row, some 20 bytes each. */
export class KeyedRows {
  /** Of row i at 2i: first key and low bits of the second. */
  #keys: Uint32Array
  /** High bits of the second key. */
  #high: Uint16Array
  /** Row + 1 in each bucket, 0: empty. */
  #buckets: Int32Array
  #mask: number
  #size = 0

  constructor(capacity = 1024) {
    this.#keys = new Uint32Array(capacity * 2)
    this.#high = new Uint16Array(capacity)
    this.#buckets = new Int32Array(bucketsFor(capacity))
    this.#mask = this.#buckets.length - 1
  }

  get size(): number {
    return this.#size
  }

  /** Rows that there is room for. It grows when they are all taken. */
  get capacity(): number {
    return this.#high.length
  }

  /** First key of a row. */
  a(row: number): number {
    return this.#keys[row * 2]
  }

  /** Second key of a row. */
  b(row: number): number {
    return this.#high[row] * HIGH + this.#keys[row * 2 + 1]
  }

  /** The row, or -1. `a` is below 2^32; `b` may be any number, and is known where it is below 2^48 - 2^32. */
  find(a: number, b: number): number {
    const low = b >>> 0
    const high = (b / HIGH) | 0
    for (let bucket = hash(a, low, high) & this.#mask; ; bucket = (bucket + 1) & this.#mask) {
      const row = this.#buckets[bucket] - 1
      if (
        row < 0 ||
        (this.#keys[row * 2 + 1] === low && this.#keys[row * 2] === a && this.#high[row] === high)
      )
        return row
    }
  }

  /** A row for a pair that has none. */
  insert(a: number, b: number): number {
    if (this.#size === this.capacity) this.#grow()
    const row = this.#size++
    this.#keys[row * 2] = a
    this.#keys[row * 2 + 1] = b >>> 0
    this.#high[row] = (b / HIGH) | 0
    this.#place(row)
    return row
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#size = 0
  }

  #home(row: number): number {
    return hash(this.#keys[row * 2], this.#keys[row * 2 + 1], this.#high[row]) & this.#mask
  }

  #place(row: number): void {
    let bucket = this.#home(row)
    while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) & this.#mask
    this.#buckets[bucket] = row + 1
  }

  #grow(): void {
    const capacity = this.capacity < DOUBLED_TO ? this.capacity * 2 : Math.ceil(this.capacity * 1.25)
    this.#keys = grown(this.#keys, new Uint32Array(capacity * 2))
    this.#high = grown(this.#high, new Uint16Array(capacity))
    const buckets = bucketsFor(capacity)
    if (buckets === this.#buckets.length) return
    this.#buckets = new Int32Array(buckets)
    this.#mask = buckets - 1
    for (let row = 0; row < this.#size; row++) this.#place(row)
  }
}

function bucketsFor(rows: number): number {
  return 2 ** Math.ceil(Math.log2(rows / FULLEST))
}

/** `larger` with the values of `values` at its beginning. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array>(
  values: T,
  larger: T,
): T {
  larger.set(values)
  return larger
}

/** Page numbers come in runs: the low bits must spread, and the high bits must take part. */
function hash(a: number, low: number, high: number): number {
  let h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(a, 0xc2b2ae35)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return h ^ (h >>> 13)
}
