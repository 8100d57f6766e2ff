import type { Clock } from './clock.js'

/** Swap entries that are remembered; beyond that the oldest is forgotten. */
const MOST_ENTRIES = 2 ** 18

interface WentOut {
  /** The recording's number of the frame. */
  readonly frame: number
  readonly gaps: number
}

/** Which frame went out to which swap entry: whoever maps the entry has it, also after a fork. */
export class Swaps {
  readonly #clock: Clock
  readonly #byEntry = new Map<number, WentOut>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wentOut(entry: number, frame: number): void {
    if (entry === 0 || frame === 0) return
    this.#byEntry.delete(entry)
    if (this.#byEntry.size === MOST_ENTRIES) {
      const [oldest] = this.#byEntry.keys()
      this.#byEntry.delete(oldest)
    }
    this.#byEntry.set(entry, { frame, gaps: this.#clock.gaps })
  }

  /** The frame that went out to the entry; 0: not known, or a gap may hide that the entry holds something else. */
  frameOf(entry: number): number {
    const out = this.#byEntry.get(entry)
    return out?.gaps === this.#clock.gaps ? out.frame : 0
  }

  clear(): void {
    this.#byEntry.clear()
  }
}
