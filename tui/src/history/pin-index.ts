import { KeyedRows } from './keyed-rows.js'
import type { Pin } from './pin.js'

/** Pages of a chunk: those of a PMD. */
const CHUNK = 512

/** Pins found by pages that they cover: lists by chunks of pages, oldest first. */
export class PinIndex {
  readonly #rows = new KeyedRows(64)
  readonly #lists: Pin[][] = []

  add(key: number, from: number, pages: number, pin: Pin): void {
    for (let chunk = chunkOf(from); chunk <= chunkOf(from + pages - 1); chunk++) {
      const known = this.#rows.find(key, chunk)
      if (known >= 0) this.#lists[known].push(pin)
      else this.#lists[this.#rows.insert(key, chunk)] = [pin]
    }
  }

  remove(key: number, from: number, pages: number, pin: Pin): void {
    for (let chunk = chunkOf(from); chunk <= chunkOf(from + pages - 1); chunk++) {
      const row = this.#rows.find(key, chunk)
      const list = this.#lists[row]
      list.splice(list.indexOf(pin), 1)
      if (list.length > 0) continue
      this.#rows.remove(row)
    }
  }

  /** Those in whose chunk the page lies; not all of them cover it. */
  near(key: number, page: number): readonly Pin[] {
    const row = this.#rows.find(key, chunkOf(page))
    return row < 0 ? NONE : this.#lists[row]
  }

  /** Each pin that has pages in chunks of the range, once, oldest first. Any of them may be removed meanwhile. */
  among(key: number, from: number, pages: number): readonly Pin[] {
    if (this.#rows.size === 0) return NONE
    const first = chunkOf(from)
    const last = chunkOf(from + pages - 1)
    if (first === last) {
      const near = this.near(key, from)
      return near.length === 0 ? NONE : [...near]
    }
    const found = new Set<Pin>()
    if (last - first < this.#rows.size) {
      for (let chunk = first; chunk <= last; chunk++)
        for (const pin of this.near(key, chunk * CHUNK)) found.add(pin)
    } else {
      for (let row = 0; row < this.#rows.used; row++) {
        const chunk = this.#rows.b(row)
        if (!this.#rows.isLive(row) || this.#rows.a(row) !== key || chunk < first || chunk > last) continue
        for (const pin of this.#lists[row]) found.add(pin)
      }
    }
    return [...found].sort((a, b) => a.pin - b.pin)
  }

  clear(): void {
    this.#rows.clear()
    this.#lists.length = 0
  }
}

const NONE: readonly Pin[] = []

function chunkOf(page: number): number {
  return Math.floor(page / CHUNK)
}
