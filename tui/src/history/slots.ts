import { grown, KeyedRows } from './keyed-rows.js'

/**
 * Slots that map something: one row each, found by (mm, vpn), chained by the frame that they map and by the mm that they
 * are in. Whoever inserts and removes keeps the chains' heads.
 */
export class SlotTable {
  readonly #rows = new KeyedRows()
  /** The recording's number of the interval. */
  id = new Float64Array(this.#rows.capacity)
  fromNs = new Float64Array(this.#rows.capacity)
  /** Row of the frame. */
  frame = new Int32Array(this.#rows.capacity)
  /** The number of gaps that there had been when it was last observed. */
  gaps = new Uint32Array(this.#rows.capacity)
  nextOfFrame = new Int32Array(this.#rows.capacity)
  prevOfFrame = new Int32Array(this.#rows.capacity)
  nextOfMm = new Int32Array(this.#rows.capacity)
  prevOfMm = new Int32Array(this.#rows.capacity)
  #hand = 0

  get size(): number {
    return this.#rows.size
  }

  mmOf(row: number): number {
    return this.#rows.a[row]
  }

  vpnOf(row: number): number {
    return this.#rows.b[row]
  }

  /** The row, or -1. */
  find(mm: number, vpn: number): number {
    return this.#rows.find(mm, vpn)
  }

  /** A row with its key, in no chain yet. */
  insert(mm: number, vpn: number): number {
    const row = this.#rows.insert(mm, vpn)
    if (this.#rows.capacity > this.id.length) this.#grow()
    return row
  }

  remove(row: number): void {
    this.#rows.remove(row)
    this.id[row] = 0
  }

  clear(): void {
    this.#rows.clear()
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    for (;;) {
      const row = this.#hand++ % this.#rows.used
      if (this.id[row] !== 0) return row
    }
  }

  #grow(): void {
    const { capacity } = this.#rows
    this.id = grown(this.id, new Float64Array(capacity))
    this.fromNs = grown(this.fromNs, new Float64Array(capacity))
    this.frame = grown(this.frame, new Int32Array(capacity))
    this.gaps = grown(this.gaps, new Uint32Array(capacity))
    this.nextOfFrame = grown(this.nextOfFrame, new Int32Array(capacity))
    this.prevOfFrame = grown(this.prevOfFrame, new Int32Array(capacity))
    this.nextOfMm = grown(this.nextOfMm, new Int32Array(capacity))
    this.prevOfMm = grown(this.prevOfMm, new Int32Array(capacity))
  }
}
