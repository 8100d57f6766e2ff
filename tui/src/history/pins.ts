import { type FactSink, PinEnd, type PinFact } from '../model/facts.js'
import { Foll } from '../model/kinds.js'
import type { Clock, When } from './clock.js'
import { Pin } from './pin.js'
import { PinIndex } from './pin-index.js'
import { PinList } from './pin-list.js'

/** Pins of one place, and about as long, that are kept: whoever looks at a page there looks through them. */
const MOST_NEAR = 1024
/** Pages among which a pin is looked for that counted references on a folio may be those of. */
const MOST_PAGES_NEAR = 512
/** Pages that all pins may hold together: 256 GiB. */
const MOST_PAGES = 2 ** 26

/** Pins that count as given back and are kept for the doubt. */
const MOST_DOUBTFUL = 256

/** References given back: `refs` on each frame of [pfn, pfn + pages), which lie in folios of 2^order pages. */
export interface Release {
  readonly pfn: number
  readonly pages: number
  readonly refs: number
  readonly order: number
  /** Who gave them back; its own pins first. */
  readonly tgid: number
}

export interface PinsParts {
  readonly sink: FactSink
  readonly clock: Clock
  readonly maxPins: number
  /** The bound was reached: pins that may be alive were forgotten. */
  readonly onForgotten: (count: number, when: When) => void
}

/** References that GUP took and that are not known to have ended. Bounded in pins and in pages. */
export class Pins {
  readonly #parts: PinsParts
  readonly #live = new PinList()
  /** Pins that count as given back, though the unpin may have meant another that is still held: by number. */
  readonly #doubtful = new Map<number, Pin>()
  readonly #byPfn = new PinIndex('pfn')
  readonly #byVpn = new PinIndex('vpn')
  #last = 0
  #pages = 0

  constructor(parts: PinsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#live.size
  }

  /** The number of the pin that is to be taken next. */
  get next(): number {
    return this.#last + 1
  }

  /** Its number is `next`. */
  take(taken: PinFact, held: 'counted' | 'uncounted', when: When): void {
    this.#last = taken.pin
    const pin = new Pin(taken, this.#parts.clock, held)
    // What nobody sees end is known by its latest taking: else each read of a buffer would leave one more behind.
    if (!pin.isCounted) {
      const before = this.#byPfn.beside(0, pin).find((old) => isSameReference(old, pin))
      if (before !== undefined) this.#end(before, PinEnd.Forgotten, when)
    }
    this.#makeRoom(pin, when)
    this.#live.add(pin)
    const alone = [pin]
    this.#byPfn.add(0, pin, alone)
    this.#byVpn.add(pin.mm, pin, alone)
    this.#pages += pin.pages
    this.#parts.sink.pinTaken(taken)
  }

  /** Returns the first frame on which more was given back than any known pin held there; -1: there is none. */
  release(release: Release, when: When): number {
    const { pfn, pages } = release
    if (this.#releaseWhole(release, when)) return -1
    let missing = -1
    const folio = 1 << release.order
    for (let at = pfn; at < pfn + pages; at++) {
      if (this.#releasePage(at, release, when)) continue
      if (missing < 0) missing = at
      // Nothing of its folio is held any more, so the next pages of it need not be looked for.
      at += folio - 1 - (at % folio)
    }
    return missing
  }

  /** Frames are gone: references on them are too. Whether one was that should have been given back before. */
  framesGone(pfn: number, count: number, end: PinEnd, when: When): boolean {
    if (this.#live.size === 0) return false
    let wasHeld = false
    for (const pin of this.#byPfn.among(0, pfn, count)) {
      const held = pin.heldWithin(pfn, count)
      if (held === 0) continue
      wasHeld ||= pin.isCounted && pin.isCertain
      if (held === pin.held) {
        this.#end(pin, end, when)
        continue
      }
      for (let left = held; left > 0; left--) this.#releaseOne(pin, pin.firstHeld(pfn, count), end, when)
    }
    return wasHeld
  }

  /** A PMD that maps the range became a page table. */
  split(mm: number, vpn: number, pages: number, { timeNs }: When): void {
    for (const pin of this.#byVpn.among(mm, vpn, pages)) pin.splitNs = timeNs
  }

  /** Those that were taken through slots of the range. */
  through(mm: number, vpn: number, pages: number): readonly Pin[] {
    return this.#byVpn.among(mm, vpn, pages)
  }

  /** Those that hold a frame of [pfn, pfn + count). */
  on(pfn: number, count: number): readonly Pin[] {
    const pins = this.#byPfn.among(0, pfn, count)
    for (const pin of pins)
      if (pin.heldWithin(pfn, count, 1) === 0) return pins.filter((one) => one.heldWithin(pfn, count, 1) > 0)
    return pins
  }

  /** Whether those that were taken through another address space than `mm` are none. */
  areAllOf(mm: number, pfn: number, count: number): boolean {
    return this.#byPfn.isAllOf(mm, 0, pfn, count)
  }

  /** Another run of the agent: how they end will not be known. */
  clear(when: When): void {
    for (const { pin } of this.#live.oldest(Infinity))
      this.#parts.sink.pinEnded(pin, when.timeNs, when.seq, PinEnd.Forgotten)
    this.#live.clear()
    this.#doubtful.clear()
    this.#byPfn.clear()
    this.#byVpn.clear()
    this.#pages = 0
  }

  /** The whole of one pin, or all that one pin holds of a folio. */
  #releaseWhole({ pfn, pages, refs, order, tgid }: Release, when: When): boolean {
    const folio = 1 << order
    const head = pfn - (pfn % folio)
    let best: Pin | undefined
    let others: Pin[] | undefined
    // Of a larger folio it is looked for near the page alone.
    const near = Math.min(folio, MOST_PAGES_NEAR)
    const pins = refs === 1 ? this.#byPfn.among(0, pfn, 1) : this.#byPfn.among(0, pfn - (pfn % near), near)
    for (const pin of pins) {
      const isRun = refs === 1 && pin.pfn === pfn && pin.held === pages && pin.pages === pages
      const isFolio = refs > 1 && pages === 1 && pin.held === refs && pin.heldWithin(head, folio) === refs
      if (!pin.isCounted || (!isRun && !isFolio)) continue
      const fitsBetter = best !== undefined && best.tgid !== tgid && pin.tgid === tgid
      if (best === undefined || fitsBetter) {
        best = pin
        others = undefined
      } else if (pin.tgid === tgid || best.tgid !== tgid) (others ??= []).push(pin)
    }
    if (best === undefined) return false
    this.#end(best, PinEnd.Unpinned, when)
    if (others !== undefined) this.#doubt(best, others)
    return true
  }

  /** The unpin may have meant one of `others`: whether they, or the one that it was taken for, are still held is not known. */
  #doubt(ended: Pin, others: readonly Pin[]): void {
    if (others.every((pin) => pin.mm === ended.mm && pin.vpn === ended.vpn)) return
    for (const pin of others) pin.inDoubt = true
    const isKnown = [...this.#doubtful.values()].some((pin) => isThroughSame(pin, ended))
    if (isKnown || this.#doubtful.size >= MOST_DOUBTFUL) return
    ended.inDoubt = true
    ended.isGivenBack = true
    this.#doubtful.set(ended.pin, ended)
    this.#byPfn.add(0, ended)
    this.#byVpn.add(ended.mm, ended)
  }

  /** The last reference that they may have been instead is gone, too. */
  #settleDoubts({ pfn, pages }: Pin): void {
    for (const pin of [...this.#doubtful.values()]) {
      if (pin.pfn >= pfn + pages || pin.pfn + pin.pages <= pfn) continue
      if (!this.on(pin.pfn, pin.pages).some((other) => other.isCounted)) this.#forgetDoubt(pin)
    }
  }

  #forgetDoubt(pin: Pin): void {
    if (!this.#doubtful.delete(pin.pin)) return
    this.#byPfn.remove(0, pin)
    this.#byVpn.remove(pin.mm, pin)
  }

  #releasePage(pfn: number, { refs, order, tgid }: Release, when: When): boolean {
    for (let left = refs; left > 0; left--) {
      const pin = this.#holder(pfn, tgid)
      if (pin !== undefined) {
        this.#releaseOne(pin, pfn, PinEnd.Unpinned, when)
        continue
      }
      // Counted on the folio: they may have been taken on its other pages.
      if (order === 0 || !this.#releaseInFolio(pfn, 1 << order, when)) return false
    }
    return true
  }

  #holder(pfn: number, tgid: number): Pin | undefined {
    let best: Pin | undefined
    for (const pin of this.#byPfn.among(0, pfn, 1)) {
      if (!pin.isCounted || !pin.holds(pfn)) continue
      if (pin.tgid === tgid) return pin
      best ??= pin
    }
    return best
  }

  #releaseInFolio(pfn: number, folio: number, when: When): boolean {
    const head = pfn - (pfn % folio)
    const pin = this.#byPfn
      .among(0, head, folio)
      .find((candidate) => candidate.isCounted && candidate.heldWithin(head, folio, 1) > 0)
    if (pin === undefined) return false
    this.#releaseOne(pin, pin.firstHeld(head, folio), PinEnd.Unpinned, when)
    return true
  }

  #releaseOne(pin: Pin, pfn: number, end: PinEnd, when: When): void {
    pin.release(pfn)
    if (pin.held === 0) this.#end(pin, end, when)
  }

  #end(pin: Pin, end: PinEnd, when: When): void {
    if (pin.isGivenBack) {
      this.#forgetDoubt(pin)
      return
    }
    this.#live.remove(pin)
    this.#byPfn.remove(0, pin)
    this.#byVpn.remove(pin.mm, pin)
    this.#pages -= pin.pages
    this.#parts.sink.pinEnded(pin.pin, Math.max(when.timeNs, pin.fromNs), when.seq, end)
    if (this.#doubtful.size > 0) this.#settleDoubts(pin)
  }

  #makeRoom(pin: Pin, when: When): void {
    const near = this.#byPfn.beside(0, pin)
    if (near.length >= MOST_NEAR) this.#forget(near.slice(0, MOST_NEAR / 8), when)
    if (this.#live.size >= this.#parts.maxPins)
      this.#forget(this.#live.oldest(Math.ceil(this.#parts.maxPins / 8)), when)
    while (this.#pages + pin.pages > MOST_PAGES && this.#live.size > 0)
      this.#forget(this.#live.oldest(1), when)
  }

  #forget(pins: readonly Pin[], when: When): void {
    for (const pin of pins) this.#end(pin, PinEnd.Forgotten, when)
    this.#parts.onForgotten(pins.length, when)
  }
}

/** Taken through the same slots, of the same frames. */
function isThroughSame(a: Pin, b: Pin): boolean {
  return a.mm === b.mm && a.vpn === b.vpn && a.pages === b.pages && a.pfn === b.pfn
}

function isSameReference(a: Pin, b: Pin): boolean {
  return (
    !a.isCounted &&
    a.pfn === b.pfn &&
    a.pages === b.pages &&
    a.vpn === b.vpn &&
    a.mm === b.mm &&
    a.foll === b.foll &&
    a.tgid === b.tgid &&
    a.stack === b.stack
  )
}

/** Whether the call took references at all; without, it only made pages present. */
export function takesReference(foll: number): boolean {
  return (foll & (Foll.Get | Foll.Pin)) !== 0
}
