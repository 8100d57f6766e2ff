import type { GapFact } from '../model/facts.js'
import type { When } from './clock.js'

/** A table that stays full forgets all the time: more often than this it is not told. */
const APART_NS = 1e9

/** What was forgotten for want of memory, as a gap now and then: the first at once, the others added up. */
export class MemoryGaps {
  readonly #tell: (gap: Omit<GapFact, 'run' | 'leg'>) => void
  #nextNs = -Infinity
  #untold = 0
  readonly #from: When = { timeNs: 0, seq: 0 }
  readonly #until: When = { timeNs: 0, seq: 0 }

  constructor(tell: (gap: Omit<GapFact, 'run' | 'leg'>) => void) {
    this.#tell = tell
  }

  note(count: number, { timeNs, seq }: When): void {
    if (this.#untold === 0) {
      this.#from.timeNs = timeNs
      this.#from.seq = seq
    }
    this.#until.timeNs = Math.max(timeNs, this.#from.timeNs)
    this.#until.seq = Math.max(seq, this.#from.seq)
    this.#untold += count
    if (timeNs < this.#nextNs) return
    this.#nextNs = timeNs + APART_NS
    this.flush()
  }

  /** Tells what was not told yet. */
  flush(): void {
    if (this.#untold === 0) return
    this.#tell({
      reason: 'memory',
      count: this.#untold,
      firstSeq: this.#from.seq,
      lastSeq: this.#until.seq,
      fromNs: this.#from.timeNs,
      untilNs: this.#until.timeNs,
    })
    this.#untold = 0
  }

  /** Another clock follows. */
  reset(): void {
    this.flush()
    this.#nextNs = -Infinity
  }
}
