/** Test support: physical memory of a tiny kernel. It knows who maps and who pins each frame, and when a folio is free. */
export interface Folio {
  readonly head: number
  readonly order: number
  isKsm: boolean
}

/** Base pages have low numbers; folios of eight pages lie, aligned, beyond. */
const FIRST_PAGE = 100
const FIRST_FOLIO = 4096
const FOLIO_ORDER = 3

export class TinyMemory {
  readonly #folios = new Map<number, Folio>()
  readonly #mappings = new Map<number, number>()
  readonly #pins = new Map<number, number>()
  readonly #freePages: number[] = []
  readonly #freeFolios: number[] = []
  readonly #onFree: (folio: Folio) => void
  #lastPage = FIRST_PAGE
  #lastFolio = FIRST_FOLIO

  constructor(onFree: (folio: Folio) => void) {
    this.#onFree = onFree
  }

  page(): number {
    const head = this.#freePages.pop() ?? ++this.#lastPage
    this.#folios.set(head, { head, order: 0, isKsm: false })
    return head
  }

  /** The first of eight frames. */
  folio(): number {
    const head = this.#freeFolios.pop() ?? (this.#lastFolio += 2 ** FOLIO_ORDER)
    const folio = { head, order: FOLIO_ORDER, isKsm: false }
    for (let page = 0; page < 2 ** FOLIO_ORDER; page++) this.#folios.set(head + page, folio)
    return head
  }

  of(pfn: number): Folio {
    const folio = this.#folios.get(pfn)
    if (folio === undefined) throw new Error(`frame ${pfn} is free`)
    return folio
  }

  framesOf({ head, order }: Folio): readonly number[] {
    return Array.from({ length: 2 ** order }, (_, page) => head + page)
  }

  mappings(pfn: number): number {
    return this.#mappings.get(pfn) ?? 0
  }

  pins(pfn: number): number {
    return this.#pins.get(pfn) ?? 0
  }

  isPinned(folio: Folio): boolean {
    return this.framesOf(folio).some((pfn) => this.pins(pfn) > 0)
  }

  map(pfn: number): number {
    this.#mappings.set(pfn, this.mappings(pfn) + 1)
    return pfn
  }

  unmap(pfn: number): void {
    this.#mappings.set(pfn, this.mappings(pfn) - 1)
    this.#freeIfUnused(pfn)
  }

  pin(pfn: number): void {
    this.#pins.set(pfn, this.pins(pfn) + 1)
  }

  unpin(pfn: number): void {
    this.#pins.set(pfn, this.pins(pfn) - 1)
    this.#freeIfUnused(pfn)
  }

  #freeIfUnused(pfn: number): void {
    const folio = this.of(pfn)
    const frames = this.framesOf(folio)
    if (frames.some((frame) => this.mappings(frame) > 0 || this.pins(frame) > 0)) return
    for (const frame of frames) this.#folios.delete(frame)
    if (folio.order === 0) this.#freePages.push(folio.head)
    else this.#freeFolios.push(folio.head)
    this.#onFree(folio)
  }
}
