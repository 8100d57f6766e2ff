/** What a run of a recording under some rules came to. Pages are base pages of 4 KiB. */
export interface Tally {
  /** Copies for a writer. */
  readonly copies: number
  /** Copies for a reader that had to have a page of its own. */
  readonly unshares: number
  /** Copies made early for the child of a fork, because the page was pinned. */
  readonly forkCopies: number
  /** Writes that found the page their own. */
  readonly reuses: number
  /** Of all copies, hugetlb pages in full. */
  readonly copiedBytes: number
  /** References that lost their owner: the two see different memory from there on. By kind of reference. */
  readonly pinsDiverged: number
  readonly getsDiverged: number
  /** References that were shown what another process wrote. */
  readonly pinsLeaked: number
  readonly getsLeaked: number
}

export const BASE_PAGE_BYTES = 4096

type Counted = Exclude<keyof Tally, 'copiedBytes'>

export class Ledger {
  readonly #tally: { -readonly [Name in keyof Tally]: number } = {
    copies: 0,
    unshares: 0,
    forkCopies: 0,
    reuses: 0,
    copiedBytes: 0,
    pinsDiverged: 0,
    getsDiverged: 0,
    pinsLeaked: 0,
    getsLeaked: 0,
  }

  count(what: Counted): void {
    this.#tally[what]++
  }

  copied(what: 'copies' | 'unshares' | 'forkCopies', copies: number, pages: number): void {
    this.#tally[what] += copies
    this.#tally.copiedBytes += pages * BASE_PAGE_BYTES
  }

  get tally(): Tally {
    return { ...this.#tally }
  }
}
