import type { PinFact } from '../model/facts.js'
import { Foll } from '../model/kinds.js'

/** Pins that are kept; those beyond are counted. */
const PINS = 65_536

/** A pin that has not ended, with the names of who took it. */
export interface PinRow extends PinFact {
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

export class PinBook {
  readonly #live = new Map<number, PinFact>()
  #beyond = 0

  taken(pin: PinFact): void {
    if (this.#live.size >= PINS) this.#beyond++
    else this.#live.set(pin.pin, pin)
  }

  ended(pin: number): void {
    this.#live.delete(pin)
  }

  clear(): void {
    this.#live.clear()
    this.#beyond = 0
  }

  /** A map keeps the order in which pins were taken. */
  view(limit: number, named: (pin: PinFact) => PinRow): PinsView {
    let pinnedPages = 0
    let longtermPages = 0
    for (const { foll, pages } of this.#live.values()) {
      if ((foll & Foll.Pin) !== 0) pinnedPages += pages
      if ((foll & Foll.Longterm) !== 0) longtermPages += pages
    }
    const oldest = [...this.#live.values()].slice(0, limit)
    return { rows: oldest.map(named), pinnedPages, longtermPages, beyond: this.#beyond }
  }
}
