/** Pages of a block: bits of a mask. */
const BLOCK_PAGES = 32
/** As many as db/queries/top-pages.sql reads. */
const HOTTEST = 1000
const FIRST_BLOCKS = 1024

/** A page that was copied so many times. */
export type HotPage = readonly [mm: number, vpn: number, copies: number]

/**
 * How many pages a recording tells of, and which of them were copied most, without reading all of it at the end. Bounded by the
 * pages of the address spaces that are alive: 132 bytes for up to 32 neighbours, and the maps that find them.
 */
export class PageSums {
  /** Number of the block by number of 32 pages, by address space. */
  readonly #blocks = new Map<number, Map<number, number>>()
  #masks = new Uint32Array(FIRST_BLOCKS)
  #copies = new Uint32Array(FIRST_BLOCKS * BLOCK_PAGES)
  #used = 0
  readonly #free: number[] = []
  /** The block that was asked for last: neighbours follow each other. */
  #lastMm = -1
  #lastPlace = -1
  #lastBlock = 0
  #pages = 0
  #hottest: HotPage[] = []
  /** Who has fewer copies than this is not among the hottest. */
  #least = 1

  /** Pages from `vpn` on, all within aligned 32, were mapped. */
  mapped(mm: number, vpn: number, pages: number): void {
    const block = this.#blockOf(mm, Math.floor(vpn / BLOCK_PAGES))
    const bits = pages >= BLOCK_PAGES ? -1 : (1 << pages) - 1
    this.#masks[block] |= bits << (vpn % BLOCK_PAGES)
  }

  copied(mm: number, vpn: number): void {
    const block = this.#blockOf(mm, Math.floor(vpn / BLOCK_PAGES))
    this.#copies[block * BLOCK_PAGES + (vpn % BLOCK_PAGES)]++
  }

  /** Nothing more is told of this address space. */
  ended(mm: number): void {
    const blocks = this.#blocks.get(mm)
    if (blocks === undefined) return
    this.#blocks.delete(mm)
    this.#lastMm = -1
    for (const [place, block] of blocks) {
      this.#pages += bitsOf(this.#masks[block])
      const first = block * BLOCK_PAGES
      for (let page = 0; page < BLOCK_PAGES; page++) {
        const copies = this.#copies[first + page]
        if (copies >= this.#least) this.#hottest.push([mm, place * BLOCK_PAGES + page, copies])
      }
      this.#masks[block] = 0
      this.#copies.fill(0, first, first + BLOCK_PAGES)
      this.#free.push(block)
    }
    if (this.#hottest.length > 4 * HOTTEST) this.#cut()
  }

  /** Of all address spaces; no more may come. The hottest first. */
  finish(): { readonly pages: number; readonly hottest: readonly HotPage[] } {
    for (const mm of this.#blocks.keys()) this.ended(mm)
    this.#cut()
    return { pages: this.#pages, hottest: this.#hottest }
  }

  #cut(): void {
    this.#hottest.sort((a, b) => b[2] - a[2] || a[0] - b[0] || a[1] - b[1])
    if (this.#hottest.length < HOTTEST) return
    this.#hottest.length = HOTTEST
    this.#least = this.#hottest[HOTTEST - 1][2]
  }

  #blockOf(mm: number, place: number): number {
    if (mm === this.#lastMm && place === this.#lastPlace) return this.#lastBlock
    let blocks = this.#blocks.get(mm)
    if (blocks === undefined) this.#blocks.set(mm, (blocks = new Map<number, number>()))
    let block = blocks.get(place)
    if (block === undefined) blocks.set(place, (block = this.#free.pop() ?? this.#newBlock()))
    this.#lastMm = mm
    this.#lastPlace = place
    this.#lastBlock = block
    return block
  }

  #newBlock(): number {
    if (this.#used === this.#masks.length) {
      const [masks, copies] = [this.#masks, this.#copies]
      this.#masks = new Uint32Array(2 * masks.length)
      this.#masks.set(masks)
      this.#copies = new Uint32Array(2 * copies.length)
      this.#copies.set(copies)
    }
    return this.#used++
  }
}

function bitsOf(mask: number): number {
  let bits = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) bits++
  return bits
}
