import { grown, KeyedRows } from './keyed-rows.js'

/** Frames that live: one row each, found by pfn. A freed frame has no row; a new life of its pfn gets a new one. */
export class FrameTable {
  readonly #rows = new KeyedRows()
  /** The recording's number. */
  id = new Float64Array(this.#rows.capacity)
  /** First slot that maps it, -1: none that is known. */
  firstSlot = new Int32Array(this.#rows.capacity)
  #hand = 0

  get size(): number {
    return this.#rows.size
  }

  pfnOf(row: number): number {
    return this.#rows.b[row]
  }

  /** The row, or -1. */
  find(pfn: number): number {
    return this.#rows.find(0, pfn)
  }

  insert(pfn: number, id: number): number {
    const row = this.#rows.insert(0, pfn)
    if (this.#rows.capacity > this.id.length) this.#grow()
    this.id[row] = id
    this.firstSlot[row] = -1
    return row
  }

  remove(row: number): void {
    this.#rows.remove(row)
    this.id[row] = 0
  }

  clear(): void {
    this.#rows.clear()
  }

  /** Each frame of [pfn, pfn + count); `each` may remove it. By the page or by what is known, whichever is less. */
  forEach(pfn: number, count: number, each: (row: number) => void): void {
    if (count <= this.#rows.used) {
      for (let page = 0; page < count; page++) {
        const row = this.find(pfn + page)
        if (row >= 0) each(row)
      }
      return
    }
    for (let row = 0; row < this.#rows.used; row++) {
      const at = this.pfnOf(row)
      if (this.id[row] !== 0 && at >= pfn && at < pfn + count) each(row)
    }
  }

  /** Forgets up to `count` frames that no known slot maps, the next ones in a round of all. */
  forgetUnmapped(count: number): void {
    let left = count
    for (let step = this.#rows.used; step > 0 && left > 0; step--) {
      const row = this.#hand++ % this.#rows.used
      if (this.id[row] === 0 || this.firstSlot[row] >= 0) continue
      this.remove(row)
      left--
    }
  }

  #grow(): void {
    this.id = grown(this.id, new Float64Array(this.#rows.capacity))
    this.firstSlot = grown(this.firstSlot, new Int32Array(this.#rows.capacity))
  }
}
