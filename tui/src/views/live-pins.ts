import { PinEnd, type PinFact } from '../model/facts.js'
import { Foll } from '../model/kinds.js'
import { wordsOf } from './words-of.js'

/** Pins that are kept; those beyond are counted. */
const PINS = 65_536
/** Pins that ended, of which the latest are kept. */
const ENDED = 4096

/** A pin that has not ended, with the names of who took it. */
export interface PinRow extends PinFact {
  /** Whose memory it is; the taker's own where that is not known. */
  readonly ownerTgid: number
  readonly comm: string
  readonly taker: string
}

/** What is pinned now: FOLL_PIN until it is given back, FOLL_GET as long as its frame lives. */
export interface PinsView {
  /** The oldest first. */
  readonly rows: readonly PinRow[]
  /** Base pages under FOLL_PIN, and how many of them for long. */
  readonly pinnedPages: number
  readonly longtermPages: number
  /** Pins that the list had no room for. */
  readonly beyond: number
}

/** A pin that is over. */
export interface EndedPin {
  readonly pin: PinFact
  readonly untilNs: number
  /** In a word, why. */
  readonly end: string
}

export class PinBook {
  readonly #live = new Map<number, PinFact>()
  readonly #ended: EndedPin[] = []
  #next = 0
  #pinnedPages = 0
  #longtermPages = 0
  #beyond = 0

  taken(pin: PinFact): void {
    if (this.#live.size >= PINS) {
      this.#beyond++
      return
    }
    this.#drop(pin.pin)
    this.#live.set(pin.pin, pin)
    this.#weigh(pin, 1)
  }

  ended(number: number, untilNs: number, end: PinEnd): void {
    const pin = this.#drop(number)
    if (pin === undefined) return
    this.#ended[this.#next] = { pin, untilNs, end: END_WORDS[end] ?? `end ${end}` }
    this.#next = (this.#next + 1) % ENDED
  }

  /** Pins that hold, or held, a page of one of these address spaces; the live ones without an end. */
  of(isMm: (mm: number) => boolean, vpn: number): readonly (Pick<EndedPin, 'pin'> & Partial<EndedPin>)[] {
    const holds = ({ pin }: Pick<EndedPin, 'pin'>) =>
      pin.vpn <= vpn && vpn < pin.vpn + pin.pages && isMm(pin.mm)
    const live = [...this.#live.values()].map((pin) => ({ pin }))
    return [...this.#ended.filter(holds), ...live.filter(holds)].sort((a, b) => a.pin.fromNs - b.pin.fromNs)
  }

  clear(): void {
    this.#live.clear()
    this.#ended.length = 0
    this.#next = 0
    this.#pinnedPages = 0
    this.#longtermPages = 0
    this.#beyond = 0
  }

  /** Taken by FOLL_PIN and not given back for longest: of FOLL_GET nobody sees the end. */
  get oldest(): PinFact | undefined {
    for (const pin of this.#live.values()) if ((pin.foll & Foll.Pin) !== 0) return pin
    return undefined
  }

  /** Base pages under FOLL_PIN. */
  get pinnedPages(): number {
    return this.#pinnedPages
  }

  /** A map keeps the order in which pins were taken. */
  view(limit: number, named: (pin: PinFact) => PinRow): PinsView {
    const rows: PinRow[] = []
    for (const pin of this.#live.values()) {
      if (rows.length >= limit) break
      rows.push(named(pin))
    }
    const [pinnedPages, longtermPages] = [this.#pinnedPages, this.#longtermPages]
    return { rows, pinnedPages, longtermPages, beyond: this.#beyond }
  }

  #drop(number: number): PinFact | undefined {
    const pin = this.#live.get(number)
    if (pin === undefined) return undefined
    this.#live.delete(number)
    this.#weigh(pin, -1)
    return pin
  }

  #weigh({ foll, pages }: PinFact, times: 1 | -1): void {
    if ((foll & Foll.Pin) !== 0) this.#pinnedPages += times * pages
    if ((foll & Foll.Longterm) !== 0) this.#longtermPages += times * pages
  }
}

const END_WORDS = wordsOf(PinEnd, '-')
