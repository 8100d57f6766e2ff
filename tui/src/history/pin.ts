import type { PinFact } from '../model/facts.js'
import { Foll } from '../model/kinds.js'
import type { Clock } from './clock.js'
import type { LivePin } from './judge.js'

/** A reference on each page of a run, taken by one GUP call. */
export class Pin implements LivePin {
  readonly pin: number
  readonly mm: number
  readonly vpn: number
  readonly pages: number
  readonly pfn: number
  readonly foll: number
  readonly tgid: number
  readonly tid: number
  readonly stack: number
  readonly call: number
  readonly fromNs: number
  readonly seq: number
  held: number
  splitNs = 0
  /** A reference was given back that may as well have been this one, or have been another than this one. */
  inDoubt = false
  /** It counts as given back, and is kept for the doubt. */
  isGivenBack = false
  /** Its neighbours in the list of all; see `PinList`. */
  older: Pin | undefined
  newer: Pin | undefined
  readonly #isCounted: boolean
  readonly #clock: Clock
  readonly #gaps: number
  /** One bit a page that is not held any more, once there is one. */
  #released: Uint8Array | undefined

  constructor(fact: PinFact, clock: Clock, held: 'counted' | 'uncounted') {
    this.pin = fact.pin
    this.mm = fact.mm
    this.vpn = fact.vpn
    this.pages = this.held = fact.pages
    this.pfn = fact.pfn
    this.foll = fact.foll
    this.tgid = fact.tgid
    this.tid = fact.tid
    this.stack = fact.stack
    this.call = fact.call
    this.fromNs = fact.fromNs
    this.seq = fact.seq
    this.#isCounted = (fact.foll & Foll.Pin) !== 0 && held === 'counted'
    this.#clock = clock
    this.#gaps = clock.gaps
  }

  /** Its end is to be seen: not of FOLL_GET, nor of what is held of a zero page, nor where it was seen. */
  get isCounted(): boolean {
    return this.#isCounted && !this.isGivenBack
  }

  get isCertain(): boolean {
    return !this.inDoubt && this.#gaps === this.#clock.gaps
  }

  /** Whether the page is one of the run, and still held. */
  holds(pfn: number): boolean {
    const page = pfn - this.pfn
    if (page < 0 || page >= this.pages) return false
    return this.#released === undefined || (this.#released[page >> 3] & (1 << (page & 7))) === 0
  }

  /** How many pages of [pfn, pfn + count) it holds; counts no further than `most`. */
  heldWithin(pfn: number, count: number, most = Infinity): number {
    const from = Math.max(pfn, this.pfn)
    const until = Math.min(pfn + count, this.pfn + this.pages)
    if (from >= until) return 0
    if (this.#released === undefined) return Math.min(until - from, most)
    let held = 0
    for (let at = from; at < until && held < most; at++) if (this.holds(at)) held++
    return held
  }

  /** The first page of [pfn, pfn + count) that it holds; there must be one. */
  firstHeld(pfn: number, count: number): number {
    const until = Math.min(pfn + count, this.pfn + this.pages)
    for (let at = Math.max(pfn, this.pfn); at < until; at++) if (this.holds(at)) return at
    throw new Error('a pin that holds nothing of the range')
  }

  /** A page that it holds is held no more. */
  release(pfn: number): void {
    const page = pfn - this.pfn
    this.#released ??= new Uint8Array((this.pages + 7) >> 3)
    this.#released[page >> 3] |= 1 << (page & 7)
    this.held--
  }
}
