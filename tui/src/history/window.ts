import type { EventColumns } from '../model/events.js'

/**
 * How far behind the newest an event may come and still find its place. The agent sorts too; what it cannot know is a
 * fault that slept between its fact and its telling.
 */
const WINDOW_NS = 20e6
/** Events that wait at most, whatever their times say. */
export const WINDOW_EVENTS = 4096
const MASK = WINDOW_EVENTS - 1

/** Puts events in order of time (of sequence where times are equal). Holds batches until their events are released. */
export class Window {
  readonly #times = new Float64Array(WINDOW_EVENTS)
  readonly #batches = new Array<EventColumns | undefined>(WINDOW_EVENTS).fill(undefined)
  readonly #indexes = new Uint32Array(WINDOW_EVENTS)
  /** Positions count up; their low bits say where in the ring. */
  #head = 0
  #tail = 0
  #newestNs = 0

  /** Event `index`, that happened at `timeNs`. Events come in sequence: one that comes later sorts behind those of the same time. */
  push(batch: EventColumns, index: number, timeNs: number): void {
    let at = this.#tail++
    while (at > this.#head && this.#times[(at - 1) & MASK] > timeNs) {
      this.#move((at - 1) & MASK, at & MASK)
      at--
    }
    this.#times[at & MASK] = timeNs
    this.#batches[at & MASK] = batch
    this.#indexes[at & MASK] = index
    if (timeNs > this.#newestNs) this.#newestNs = timeNs
  }

  /** The time of the newest event that has come. */
  get newestNs(): number {
    return this.#newestNs
  }

  /** Whether the oldest need not wait any longer. A full window must be relieved before the next push. */
  get isDue(): boolean {
    const waiting = this.#tail - this.#head
    if (waiting === 0) return false
    return waiting === WINDOW_EVENTS || this.#times[this.#head & MASK] <= this.#newestNs - WINDOW_NS
  }

  /** Whether an event waits that happened before `timeNs`. */
  hasBefore(timeNs: number): boolean {
    return this.#head < this.#tail && this.#times[this.#head & MASK] < timeNs
  }

  /** The oldest event; there must be one. It stays until `drop`. */
  get batch(): EventColumns {
    const batch = this.#batches[this.#head & MASK]
    if (batch === undefined) throw new Error('the window is empty')
    return batch
  }

  get index(): number {
    return this.#indexes[this.#head & MASK]
  }

  get timeNs(): number {
    return this.#times[this.#head & MASK]
  }

  drop(): void {
    this.#batches[this.#head & MASK] = undefined
    this.#head++
  }

  /** Forgets how new the newest was: another clock follows. To be called when empty. */
  reset(): void {
    this.#newestNs = 0
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]
    this.#batches[to] = this.#batches[from]
    this.#indexes[to] = this.#indexes[from]
  }
}
