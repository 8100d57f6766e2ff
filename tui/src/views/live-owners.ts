import type { ForkFact, ProcessFact } from '../model/facts.js'

/** Address spaces whose process is remembered. */
const MMS = 1 << 16

/** Which process lives in which address space; of more than are remembered, those that came first are forgotten. */
export class LiveOwners {
  readonly #tgids = new Map<number, number>()

  clear(): void {
    this.#tgids.clear()
  }

  process({ mm, tgid }: ProcessFact): void {
    this.#lives(mm, tgid)
  }

  fork({ parentMm, parentTgid, childMm, childTgid }: ForkFact): void {
    this.#lives(parentMm, parentTgid)
    this.#lives(childMm, childTgid)
  }

  /** undefined: not known. */
  tgidOf(mm: number): number | undefined {
    return this.#tgids.get(mm)
  }

  #lives(mm: number, tgid: number): void {
    if (mm === 0) return
    if (this.#tgids.size >= MMS && !this.#tgids.has(mm)) {
      const [oldest] = this.#tgids.keys()
      this.#tgids.delete(oldest)
    }
    this.#tgids.set(mm, tgid)
  }
}
