/**
 * Facts on their way to the writer's thread: rows of one table as doubles, one after the other. NaN is NULL (SQLite
 * binds it so). Everything that the history emits per page passes here, so no object is made per fact.
 */
export class FactRows {
  readonly #width: number
  #values: Float64Array
  #rows = 0

  constructor(width: number) {
    this.#width = width
    this.#values = new Float64Array(width * INITIAL_ROWS)
  }

  get rows(): number {
    return this.#rows
  }

  /** Room for one more row: where it begins in `values`, which may be another array after this call. */
  add(): number {
    const at = this.#rows * this.#width
    if (at === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#rows++
    return at
  }

  /** Forgets the row that was added last. */
  dropLast(): void {
    this.#rows--
  }

  /** Values of a row. */
  get width(): number {
    return this.#width
  }

  get values(): Float64Array {
    return this.#values
  }

  /**
   * Where the row of `id` begins (its first value), or -1. Ids are given out in sequence, so the row is nearly
   * always where the first id says.
   */
  find(id: number): number {
    if (this.#rows === 0) return -1
    const at = (id - this.#values[0]) * this.#width
    return at >= 0 && at < this.#rows * this.#width && this.#values[at] === id ? at : -1
  }

  /** The rows so far, in a buffer that may be transferred; begins anew. */
  take(): { readonly rows: number; readonly values: Float64Array } {
    const taken = { rows: this.#rows, values: this.#values }
    this.#values = new Float64Array(this.#width * Math.max(INITIAL_ROWS, ceilPowerOfTwo(this.#rows)))
    this.#rows = 0
    return taken
  }
}

const INITIAL_ROWS = 64

function ceilPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)))
}
