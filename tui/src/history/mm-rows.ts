import { grown } from './keyed-rows.js'

/** Rows of a block: as many as a word has bits. */
const BLOCK = 32
const BLOCK_SHIFT = 5
const FEWEST_BLOCKS = 32
const GROWTH = 1.25

/** Whose rows are handed out: an address space, as far as this table is concerned. */
export interface RowOwner {
  readonly id: number
  /** Its first block, -1: none. Blocks with free rows stand before full ones. */
  firstBlock: number
  lastBlock: number
}

/**
 * Numbers of rows, handed out in blocks of 32 to one owner each: whose a row is, and which rows an owner has, costs half a
 * byte a row. An owner with few rows leaves most of a block free.
 */
export class MmRows {
  /** The owner's number. */
  #owner = new Float64Array(FEWEST_BLOCKS)
  /** One bit a row in use. */
  #used = new Uint32Array(FEWEST_BLOCKS)
  #next = new Int32Array(FEWEST_BLOCKS)
  #previous = new Int32Array(FEWEST_BLOCKS)
  /** -1: none. */
  #firstFree = -1
  #blocks = 0
  #hand = 0

  /** All rows that were ever handed out are below. */
  get end(): number {
    return this.#blocks * BLOCK
  }

  ownerOf(row: number): number {
    return this.#owner[row >> BLOCK_SHIFT]
  }

  take(owner: RowOwner): number {
    let block = owner.firstBlock
    if (block < 0 || this.#used[block] === FULL) {
      block = this.#newBlock(owner.id)
      this.#putFirst(block, owner)
    }
    const bit = 31 - Math.clz32(~this.#used[block] & -~this.#used[block])
    this.#used[block] |= 1 << bit
    if (this.#used[block] === FULL && owner.lastBlock !== block) {
      this.#unlink(block, owner)
      this.#putLast(block, owner)
    }
    return block * BLOCK + bit
  }

  giveBack(row: number, owner: RowOwner): void {
    const block = row >> BLOCK_SHIFT
    const wasFull = this.#used[block] === FULL
    this.#used[block] &= ~(1 << (row & (BLOCK - 1)))
    if (this.#used[block] === 0) {
      this.#unlink(block, owner)
      this.#next[block] = this.#firstFree
      this.#firstFree = block
    } else if (wasFull && owner.firstBlock !== block) {
      this.#unlink(block, owner)
      this.#putFirst(block, owner)
    }
  }

  /** Any of the owner's rows, or -1. */
  anyOf(owner: RowOwner): number {
    return owner.firstBlock < 0 ? -1 : owner.firstBlock * BLOCK + lowest(this.#used[owner.firstBlock])
  }

  /** Each of the owner's rows; `each` may give back the row it is told, and must take none for this owner. */
  forEachOf(owner: RowOwner, each: (row: number) => void): void {
    for (let block = owner.firstBlock; block >= 0;) {
      const next = this.#next[block]
      for (let bits = this.#used[block]; bits !== 0; bits &= bits - 1) each(block * BLOCK + lowest(bits))
      block = next
    }
  }

  /** The next row in a round of all; there must be one. */
  nextInRound(): number {
    for (;;) {
      const row = this.#hand++ % this.end
      if ((this.#used[row >> BLOCK_SHIFT] & (1 << (row & (BLOCK - 1)))) !== 0) return row
    }
  }

  /** Owners that had rows have none any more; they must be forgotten. */
  clear(): void {
    this.#used.fill(0)
    this.#firstFree = -1
    this.#blocks = 0
  }

  #newBlock(owner: number): number {
    let block = this.#firstFree
    if (block >= 0) this.#firstFree = this.#next[block]
    else {
      if (this.#blocks === this.#used.length) this.#grow()
      block = this.#blocks++
    }
    this.#owner[block] = owner
    return block
  }

  #putFirst(block: number, owner: RowOwner): void {
    this.#previous[block] = -1
    this.#next[block] = owner.firstBlock
    if (owner.firstBlock >= 0) this.#previous[owner.firstBlock] = block
    else owner.lastBlock = block
    owner.firstBlock = block
  }

  #putLast(block: number, owner: RowOwner): void {
    this.#next[block] = -1
    this.#previous[block] = owner.lastBlock
    if (owner.lastBlock >= 0) this.#next[owner.lastBlock] = block
    else owner.firstBlock = block
    owner.lastBlock = block
  }

  #unlink(block: number, owner: RowOwner): void {
    const next = this.#next[block]
    const previous = this.#previous[block]
    if (previous >= 0) this.#next[previous] = next
    else owner.firstBlock = next
    if (next >= 0) this.#previous[next] = previous
    else owner.lastBlock = previous
  }

  #grow(): void {
    const blocks = Math.ceil(this.#used.length * GROWTH)
    this.#owner = grown(this.#owner, new Float64Array(blocks))
    this.#used = grown(this.#used, new Uint32Array(blocks))
    this.#next = grown(this.#next, new Int32Array(blocks))
    this.#previous = grown(this.#previous, new Int32Array(blocks))
  }
}

const FULL = 0xffff_ffff

/** Number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
