import { PageBlocks } from './page-blocks.js'
import type { RegionOwner } from './page-regions.js'
import type { Pin } from './pin.js'

/** Pins that cover as many pages, rounded up to a power of two: lists by chunks of so many, oldest first. */
interface Level {
  readonly chunkPages: number
  /** By chunk; a row's word is the address space through which all pins of its list were taken, or SEVERAL. */
  readonly rows: PageBlocks
  /** By row. A list stays as it is: whoever looks through one may meanwhile add and remove. */
  readonly lists: (readonly Pin[])[]
  readonly owners: Map<number, RegionOwner>
}

/** No address space has this number. */
const SEVERAL = 0

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

  /** `alone`: a list of nothing but the pin, which another index may have as well. */
  add(key: number, pin: Pin, alone: readonly Pin[] = [pin]): void {
    const level = this.#levelOf(pin.pages)
    const { rows, lists, owners } = level
    const from = this.#from(pin)
    for (let chunk = chunkOf(from, level); chunk <= chunkOf(from + pin.pages - 1, level); chunk++) {
      const known = rows.find(key, chunk)
      if (known >= 0) {
        lists[known] = lists[known].concat(pin)
        if (mmAt(rows, known) !== pin.mm) setMm(rows, known, SEVERAL)
        continue
      }
      let owner = owners.get(key)
      if (owner === undefined) owners.set(key, (owner = { id: key, firstRegion: -1 }))
      const row = rows.insert(owner, chunk)
      lists[row] = alone
      setMm(rows, row, pin.mm)
    }
  }

  remove(key: number, pin: Pin): void {
    const level = this.#levelOf(pin.pages)
    const { rows, lists, owners } = level
    const from = this.#from(pin)
    for (let chunk = chunkOf(from, level); chunk <= chunkOf(from + pin.pages - 1, level); chunk++) {
      const row = rows.find(key, chunk)
      const left = without(lists[row], pin)
      lists[row] = left
      if (left.length > 0) {
        if (left.every(({ mm }) => mm === left[0].mm)) setMm(rows, row, left[0].mm)
        continue
      }
      const owner = owners.get(key)
      if (owner === undefined) throw new Error('a list of pins that belongs to nobody')
      rows.remove(row, owner)
      if (owner.firstRegion < 0) owners.delete(key)
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
    if (this.#inUse === 0) return NONE
    const single = this.#levels[0]
    if (pages === 1 && this.#inUse === 1 && single !== undefined) {
      const row = single.rows.find(key, from)
      return row < 0 ? NONE : single.lists[row]
    }
    return from < END ? this.#amongMany(key, from, pages) : NONE
  }

  /** False where one of those may have been taken through another address space than `mm`. */
  isAllOf(mm: number, key: number, from: number, pages: number): boolean {
    const single = this.#levels[0]
    if (pages !== 1 || this.#inUse !== 1 || single === undefined)
      return this.among(key, from, pages).every((pin) => pin.mm === mm)
    const row = single.rows.find(key, from)
    return row < 0 || mmAt(single.rows, row) === mm
  }

  clear(): void {
    this.#levels.length = 0
    this.#inUse = 0
  }

  #amongMany(key: number, from: number, pages: number): readonly Pin[] {
    let found: Pin[] | undefined
    for (let bits = this.#inUse; bits !== 0; bits &= bits - 1) {
      const level = this.#levels[31 - Math.clz32(bits & -bits)]
      const owner = level?.owners.get(key)
      if (level === undefined || owner === undefined) continue
      const { rows } = level
      const first = chunkOf(from, level)
      const last = chunkOf(from + pages - 1, level)
      const before = found?.length ?? 0
      const pick = (row: number) => {
        found = this.#pick(level, row, first, from, pages, found)
      }
      if (last - first < rows.size) rows.forEachIn(key, first, last - first + 1, pick)
      else
        rows.forEachOf(owner, (row) => {
          const chunk = rows.pageOf(row)
          if (chunk >= first && chunk <= last) pick(row)
        })
      if (found !== undefined && (before > 0 || first !== last) && !areInOrder(found))
        found.sort((a, b) => a.pin - b.pin)
    }
    return found ?? NONE
  }

  /** Adds those of a chunk's list that cover a page of the range, unless a chunk before, of the range, has them too. */
  #pick(
    level: Level,
    row: number,
    firstChunk: number,
    from: number,
    pages: number,
    found: Pin[] | undefined,
  ): Pin[] | undefined {
    // Pins of one page are nowhere but on it.
    if (level.chunkPages === 1) {
      if (found === undefined) return [...level.lists[row]]
      found.push(...level.lists[row])
      return found
    }
    const chunk = level.rows.pageOf(row)
    for (const pin of level.lists[row]) {
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
    return (this.#levels[bits] ??= {
      chunkPages: 1 << bits,
      rows: new PageBlocks(1),
      lists: [],
      owners: new Map(),
    })
  }
}

const NONE: readonly Pin[] = []
/** No page has a number as large: whoever asks for what an event says may ask for more. */
const END = 2 ** 48

/** What stays is as long as it has to be: `filter` leaves room for more. */
function without(pins: readonly Pin[], gone: Pin): readonly Pin[] {
  if (pins.length === 1) return NONE
  if (pins.length === 2) return [pins[0] === gone ? pins[1] : pins[0]]
  return pins.filter((pin) => pin !== gone).slice()
}

function areInOrder(pins: readonly Pin[]): boolean {
  for (let n = 1; n < pins.length; n++) if (pins[n - 1].pin > pins[n].pin) return false
  return true
}

function mmAt(rows: PageBlocks, row: number): number {
  return rows.wordsOf(row)[rows.at(row)]
}

function setMm(rows: PageBlocks, row: number, mm: number): void {
  rows.wordsOf(row)[rows.at(row)] = mm
}

/** Of the smallest power of two that is not less. */
function bitsOf(pages: number): number {
  return 32 - Math.clz32(pages - 1)
}

function chunkOf(page: number, { chunkPages }: Level): number {
  return chunkPages === 1 ? page : Math.floor(page / chunkPages)
}
