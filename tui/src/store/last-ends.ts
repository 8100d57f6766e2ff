import type { Cause } from '../model/facts.js'

/** Ends that are looked at for the one that a beginning belongs to: they come in the same order. */
const LOOKED_AT = 64

/**
 * Ends of intervals of one event, until it is known whether the next interval of the same page begins with them: then the
 * beginning says it all.
 */
export class LastEnds {
  readonly #tell: (slot: number, mm: number, timeNs: number, cause: Cause, seq: number) => void
  /** Of these three the first so many hold an end each: they are not shortened, which would give up their room. */
  #ends = 0
  readonly #slots: number[] = []
  readonly #mms: number[] = []
  readonly #vpns: number[] = []
  #timeNs = 0
  #cause: Cause = 0
  #seq = 0
  /** Before this all have met their beginning. */
  #first = 0

  /** `tell` is given those that no beginning follows. */
  constructor(tell: (slot: number, mm: number, timeNs: number, cause: Cause, seq: number) => void) {
    this.#tell = tell
  }

  ended(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void {
    if (!this.#isOf(timeNs, cause, seq)) this.flush()
    this.#timeNs = timeNs
    this.#cause = cause
    this.#seq = seq
    const end = this.#ends++
    this.#slots[end] = slot
    this.#mms[end] = mm
    this.#vpns[end] = vpn
  }

  began(mm: number, vpn: number, timeNs: number, cause: Cause, seq: number): void {
    if (this.#ends === 0) return
    if (!this.#isOf(timeNs, cause, seq)) {
      this.flush()
      return
    }
    const until = Math.min(this.#ends, this.#first + LOOKED_AT)
    for (let i = this.#first; i < until; i++) {
      if (this.#vpns[i] !== vpn || this.#mms[i] !== mm) continue
      this.#slots[i] = 0
      while (this.#first < this.#ends && this.#slots[this.#first] === 0) this.#first++
      if (this.#first === this.#ends) this.#clear()
      return
    }
  }

  /** No beginning of the same event follows. */
  flush(): void {
    for (let i = this.#first; i < this.#ends; i++)
      if (this.#slots[i] !== 0) this.#tell(this.#slots[i], this.#mms[i], this.#timeNs, this.#cause, this.#seq)
    this.#clear()
  }

  #isOf(timeNs: number, cause: Cause, seq: number): boolean {
    return timeNs === this.#timeNs && cause === this.#cause && seq === this.#seq
  }

  #clear(): void {
    this.#ends = 0
    this.#first = 0
  }
}
