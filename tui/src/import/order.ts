import type { Told } from './told.js'

/** Lines that wait for earlier ones: each processor's are in order, but bpftrace reads one processor after the other. */
const WAITING = 1 << 14

/** Lines of one processor that never came: between two that did. */
export interface Hole {
  readonly kind: 'hole'
  readonly count: number
  readonly timeNs: number
  readonly untilNs: number
}

interface LastLine {
  readonly n: number
  readonly timeNs: number
}

/** Puts lines in order of time, and holes where lines are missing in the count of a processor. */
export class Order {
  readonly #last = new Map<number, LastLine>()
  #waiting: (Told | Hole)[] = []
  #missing = 0

  /** Lines that are missing so far. */
  get missing(): number {
    return this.#missing
  }

  /** Takes the next line as it stands in the file. Returns what is due, in order. */
  take(line: Told): readonly (Told | Hole)[] {
    const { n, cpu, timeNs } = line
    const last = this.#last.get(cpu)
    if (last !== undefined && n > last.n + 1) {
      const count = n - last.n - 1
      this.#missing += count
      this.#waiting.push({ kind: 'hole', count, timeNs: Math.min(last.timeNs, timeNs), untilNs: timeNs })
    }
    if (last === undefined || n > last.n) this.#last.set(cpu, { n, timeNs })
    this.#waiting.push(line)
    return this.#waiting.length < 2 * WAITING ? NOTHING : this.#release(WAITING)
  }

  /** No more will come. */
  rest(): readonly (Told | Hole)[] {
    return this.#release(this.#waiting.length)
  }

  #release(count: number): readonly (Told | Hole)[] {
    const sorted = this.#waiting.sort((a, b) => a.timeNs - b.timeNs)
    this.#waiting = sorted.slice(count)
    return sorted.slice(0, count)
  }
}

const NOTHING: readonly (Told | Hole)[] = []
