import { KeyedRows } from './keyed-rows.js'
import type { Pin } from './pin.js'

/** Pins that cover as many pages, rounded up to a power of two: lists by chunks of so many, oldest first. */
interface Level {
  readonly chunkPages: number
  readonly rows: KeyedRows
  readonly lists: Pin[][]
}

/**
 * Pins found by pages that they cover. A pin is in the lists of the one or two chunks of its own length that it lies in: so
 * who asks for a page meets hardly any other pins than those on it.
 */
export class PinIndex {
  readonly #by: 'pfn' | 'vpn'
  /** By number of bits. */
  readonly #levels: (Level | undefined)[] = []
  /** Bit n: there may be pins in level n. */
  #inUse = 0

  constructor(by: 'pfn' | 'vpn') {
    this.#by = by
  }

  add(key: number, pin: Pin): void {
    const level = this.#levelOf(pin.pages)
    const { rows, lists } = level
    const from = this.#from(pin)
    for (let chunk = chunkOf(from, level); chunk <= chunkOf(from + pin.pages - 1, level); chunk++) {
      const known = rows.find(key, chunk)
      // Most lists are short: an array that grows by itself would hold room for sixteen more.
      if (known >= 0 && lists[known].length < SHORT) lists[known] = [...lists[known], pin]
      else if (known >= 0) lists[known].push(pin)
      else lists[rows.insert(key, chunk)] = [pin]
    }
  }

  remove(key: number, pin: Pin): void {
    const level = this.#levelOf(pin.pages)
    const { rows, lists } = level
    const from = this.#from(pin)
    for (let chunk = chunkOf(from, level); chunk <= chunkOf(from + pin.pages - 1, level); chunk++) {
      const row = rows.find(key, chunk)
      const list = lists[row]
      list.splice(list.indexOf(pin), 1)
      if (list.length === 0) rows.remove(row)
    }
    if (rows.size === 0) this.#inUse &= ~(1 << bitsOf(pin.pages))
  }

  /** Pins in the chunk where this one begins, or would begin, oldest first; they have about as many pages. */
  beside(key: number, pin: Pin): readonly Pin[] {
    const level = this.#levels[bitsOf(pin.pages)]
    const row = level === undefined ? -1 : level.rows.find(key, chunkOf(this.#from(pin), level))
    return level === undefined || row < 0 ? NONE : level.lists[row]
  }

  /** Each pin that covers a page of the range, once, oldest first. Any of them may be removed meanwhile. */
  among(key: number, from: number, pages: number): readonly Pin[] {
    if (!(from < END) || this.#inUse === 0) return NONE
    let found: Pin[] | undefined
    for (let bits = this.#inUse; bits !== 0; bits &= bits - 1) {
      const level = this.#levels[31 - Math.clz32(bits & -bits)]
      if (level === undefined) continue
      const { rows, lists } = level
      const first = chunkOf(from, level)
      const last = pages === 1 ? first : chunkOf(from + pages - 1, level)
      const before = found?.length ?? 0
      if (last - first < rows.size) {
        for (let chunk = first; chunk <= last; chunk++) {
          const row = rows.find(key, chunk)
          if (row >= 0) found = this.#pick(lists[row], chunk, first, level, from, pages, found)
        }
      } else {
        for (let row = 0; row < rows.used; row++) {
          const chunk = rows.b(row)
          if (rows.isLive(row) && rows.a(row) === key && chunk >= first && chunk <= last)
            found = this.#pick(lists[row], chunk, first, level, from, pages, found)
        }
      }
      if (found !== undefined && found.length > 1 && (before > 0 || first !== last))
        found.sort((a, b) => a.pin - b.pin)
    }
    return found ?? NONE
  }

  clear(): void {
    this.#levels.length = 0
    this.#inUse = 0
  }

  /** Adds those of a chunk's list that cover a page of the range, unless a chunk before, of the range, has them too. */
  #pick(
    list: readonly Pin[],
    chunk: number,
    firstChunk: number,
    level: Level,
    from: number,
    pages: number,
    found: Pin[] | undefined,
  ): Pin[] | undefined {
    for (const pin of list) {
      const at = this.#from(pin)
      if (at >= from + pages || at + pin.pages <= from) continue
      if (chunk > firstChunk && chunkOf(at, level) < chunk) continue
      if (found === undefined) found = [pin]
      else found.push(pin)
    }
    return found
  }

  #from(pin: Pin): number {
    return this.#by === 'pfn' ? pin.pfn : pin.vpn
  }

  #levelOf(pages: number): Level {
    const bits = bitsOf(pages)
    this.#inUse |= 1 << bits
    return (this.#levels[bits] ??= { chunkPages: 1 << bits, rows: new KeyedRows(FEWEST), lists: [] })
  }
}

const NONE: readonly Pin[] = []
/** No page has a number as large: whoever asks for what an event says may ask for more. */
const END = 2 ** 48
const FEWEST = 64
const SHORT = 8

/** Of the smallest power of two that is not less. */
function bitsOf(pages: number): number {
  return 32 - Math.clz32(pages - 1)
}

function chunkOf(page: number, { chunkPages }: Level): number {
  return chunkPages === 1 ? page : Math.floor(page / chunkPages)
}
