/** Spans that are looked at one by one; beyond that they become one. */
const MOST_SPANS = 64

interface Span {
  readonly fromNs: number
  readonly untilNs: number
}

/** Spans of time in which events were lost, as far as events of their time, or later ones, are still to be applied. */
export class Losses {
  #spans: Span[] = []

  add(fromNs: number, untilNs: number): void {
    this.#spans.push({ fromNs, untilNs })
    if (this.#spans.length <= MOST_SPANS) return
    const from = Math.min(...this.#spans.map((span) => span.fromNs))
    const until = Math.max(...this.#spans.map((span) => span.untilNs))
    this.#spans = [{ fromNs: from, untilNs: until }]
  }

  /** Whether events may have been lost between the event before and the one that happened at `timeNs`. */
  mayPrecede(timeNs: number): boolean {
    if (this.#spans.length === 0) return false
    const isNear = this.#spans.some(({ fromNs }) => fromNs <= timeNs)
    if (isNear) this.#spans = this.#spans.filter(({ untilNs }) => untilNs >= timeNs)
    return isNear
  }

  /** Another clock follows. */
  clear(): void {
    this.#spans = []
  }
}
