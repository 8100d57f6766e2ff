import type { Pin } from './pin.js'

/** Pins in the order in which they were taken, each linked to its neighbours: that takes less room than a `Map`. */
export class PinList {
  #oldest: Pin | undefined
  #newest: Pin | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A pin that is newer than all. */
  add(pin: Pin): void {
    pin.older = this.#newest
    if (this.#newest === undefined) this.#oldest = pin
    else this.#newest.newer = pin
    this.#newest = pin
    this.#size++
  }

  /** A pin of the list. */
  remove(pin: Pin): void {
    const { older, newer } = pin
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    pin.older = pin.newer = undefined
    this.#size--
  }

  /** So many of the oldest, or all where there are fewer. */
  oldest(most: number): readonly Pin[] {
    const found: Pin[] = []
    for (let pin = this.#oldest; pin !== undefined && found.length < most; pin = pin.newer) found.push(pin)
    return found
  }

  clear(): void {
    this.#oldest = this.#newest = undefined
    this.#size = 0
  }
}
