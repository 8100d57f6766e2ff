/** Ranges of one address space that are remembered; beyond that the older half is forgotten. */
const MOST_RANGES = 4096

/** What fork did to a range, beside the numbers of `Protection`. */
export const BY_FORK = 8

/** A range that was write-protected. */
export interface ProtectedRange {
  readonly vpn: number
  readonly end: number
  /** A `Protection`, or BY_FORK. */
  readonly by: number
  /** The process that did it. */
  readonly tgid: number
  readonly timeNs: number
  /** Counts up over all address spaces. */
  readonly number: number
}

/** What last write-protected each page of an address space: ranges in order of address, none over another. */
export class ProtectedRanges {
  readonly #ranges: ProtectedRange[] = []

  /** The newest over its whole length. */
  add(range: ProtectedRange): void {
    const from = this.#firstBehind(range.vpn)
    let until = from
    const parts: ProtectedRange[] = []
    for (; until < this.#ranges.length && this.#ranges[until].vpn < range.end; until++) {
      const old = this.#ranges[until]
      if (old.vpn < range.vpn) parts.push({ ...old, end: range.vpn })
      if (old.end > range.end) parts.push({ ...old, vpn: range.end })
    }
    const before = parts.at(0)
    const isCutBefore = before !== undefined && before.vpn < range.vpn
    parts.splice(isCutBefore ? 1 : 0, 0, range)
    this.#ranges.splice(from, until - from, ...parts)
    if (this.#ranges.length > MOST_RANGES) this.#forgetOlder()
  }

  /** What was known of [from, until) holds from page `to` on. */
  move(from: number, until: number, to: number): void {
    for (const range of this.#ranges.filter(({ vpn, end }) => vpn < until && end > from))
      this.add({
        ...range,
        vpn: Math.max(range.vpn, from) - from + to,
        end: Math.min(range.end, until) - from + to,
      })
  }

  /** The range that the page lies in, unless it is older than `number`. */
  find(vpn: number, number: number): ProtectedRange | undefined {
    const range = this.#ranges.at(this.#firstBehind(vpn))
    return range !== undefined && range.vpn <= vpn && range.number > number ? range : undefined
  }

  /** The first range that ends behind the page. */
  #firstBehind(vpn: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ranges[middle].end > vpn) high = middle
      else low = middle + 1
    }
    return low
  }

  #forgetOlder(): void {
    const numbers = this.#ranges.map(({ number }) => number).sort((a, b) => a - b)
    const oldest = numbers[numbers.length >> 1]
    const kept = this.#ranges.filter(({ number }) => number >= oldest)
    this.#ranges.splice(0, this.#ranges.length, ...kept)
  }
}
