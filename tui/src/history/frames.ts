import { grown, KeyedRows } from './keyed-rows.js'

/** Frames that live: one row each, found by pfn. A freed frame has no row; a new life of its pfn gets a new one. */
export class FrameTable {
  readonly #rows = new KeyedRows()
  /** The recording's number; 0: it was not told of. */
  id = new Float64Array(this.#rows.capacity)
  /** First slot that maps it, -1: none that is known. */
  firstSlot = new Int32Array(this.#rows.capacity)
  /** The number of gaps that there had been when it was last met. */
  gaps = new Uint32Array(this.#rows.capacity)
  /** Of its folio. */
  order = new Uint8Array(this.#rows.capacity)
  /** A `FrameKind`. */
  kind = new Uint8Array(this.#rows.capacity)
  /** 1: its life was seen from its beginning, with no gap since that it was met behind. */
  born = new Uint8Array(this.#rows.capacity)
  /** Bit n: there was a folio of that order. */
  #orders = 0
  #hand = 0

  get size(): number {
    return this.#rows.size
  }

  pfnOf(row: number): number {
    return this.#rows.b(row)
  }

  /** The row, or -1. */
  find(pfn: number): number {
    return this.#rows.find(0, pfn)
  }

  /** The row of the frame, or that of the first frame of the folio that it is known to lie in; or -1. */
  findFolio(pfn: number): number {
    const row = this.find(pfn)
    return row >= 0 ? row : this.findHead(pfn)
  }

  /** The row of the first frame of the folio that the frame is known to lie in, itself not; or -1. */
  findHead(pfn: number): number {
    for (let bits = this.#orders; bits !== 0; bits &= bits - 1) {
      const order = 31 - Math.clz32(bits & -bits)
      const head = this.find(pfn - (pfn % 2 ** order))
      if (head >= 0 && this.order[head] >= order && this.pfnOf(head) !== pfn) return head
    }
    return -1
  }

  insert(pfn: number, order: number): number {
    const row = this.#rows.insert(0, pfn)
    if (this.#rows.capacity > this.id.length) this.#grow()
    this.id[row] = 0
    this.firstSlot[row] = -1
    this.order[row] = order
    this.born[row] = 0
    if (order > 0) this.#orders |= 1 << order
    return row
  }

  remove(row: number): void {
    this.#rows.remove(row)
  }

  clear(): void {
    this.#rows.clear()
    this.#orders = 0
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
      if (this.#rows.isLive(row) && at >= pfn && at < pfn + count) each(row)
    }
  }

  /** Forgets up to `count` frames that no known slot maps, the next ones in a round of all. */
  forgetUnmapped(count: number): void {
    let left = count
    for (let step = this.#rows.used; step > 0 && left > 0; step--) {
      const row = this.#hand++ % this.#rows.used
      if (!this.#rows.isLive(row) || this.firstSlot[row] >= 0) continue
      this.remove(row)
      left--
    }
  }

  #grow(): void {
    const { capacity } = this.#rows
    this.id = grown(this.id, new Float64Array(capacity))
    this.firstSlot = grown(this.firstSlot, new Int32Array(capacity))
    this.gaps = grown(this.gaps, new Uint32Array(capacity))
    this.order = grown(this.order, new Uint8Array(capacity))
    this.kind = grown(this.kind, new Uint8Array(capacity))
    this.born = grown(this.born, new Uint8Array(capacity))
  }
}
