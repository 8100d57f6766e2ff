/** Rows of a chunk. */
const CHUNK_BITS = 12
const CHUNK = 1 << CHUNK_BITS
const IN_CHUNK = CHUNK - 1

/**
 * Slots that map the same frame, as chains in both directions: eight bytes a row, but only near rows that ever shared a frame. As
 * long as nothing forks there are none.
 */
export class SlotLinks {
  /** Of a row: the next one of its chain and the previous one, plus one; 0: none. */
  #chunks: (Uint32Array | undefined)[] = []

  /** The next one of the chain, -1: none. */
  next(row: number): number {
    const links = this.#chunks[row >> CHUNK_BITS]
    return links === undefined ? -1 : links[(row & IN_CHUNK) << 1] - 1
  }

  /** The row, which is in no chain, comes before what was the first of one, -1: it is alone. */
  add(row: number, first: number): void {
    if (first < 0) {
      const links = this.#chunks[row >> CHUNK_BITS]
      if (links === undefined) return
      links[(row & IN_CHUNK) << 1] = 0
      links[((row & IN_CHUNK) << 1) + 1] = 0
      return
    }
    const links = this.#linksNear(row)
    links[(row & IN_CHUNK) << 1] = first + 1
    links[((row & IN_CHUNK) << 1) + 1] = 0
    this.#linksNear(first)[((first & IN_CHUNK) << 1) + 1] = row + 1
  }

  /** The row leaves its chain. Returns what is the first of it now, `first` having been; -1: none is left. */
  remove(row: number, first: number): number {
    const links = this.#chunks[row >> CHUNK_BITS]
    if (links === undefined) return -1
    const next = links[(row & IN_CHUNK) << 1]
    const previous = links[((row & IN_CHUNK) << 1) + 1]
    if (next !== 0) this.#linksNear(next - 1)[(((next - 1) & IN_CHUNK) << 1) + 1] = previous
    if (previous === 0) return next - 1
    this.#linksNear(previous - 1)[((previous - 1) & IN_CHUNK) << 1] = next
    return first
  }

  clear(): void {
    this.#chunks = []
  }

  #linksNear(row: number): Uint32Array {
    const chunk = row >> CHUNK_BITS
    while (this.#chunks.length <= chunk) this.#chunks.push(undefined)
    return (this.#chunks[chunk] ??= new Uint32Array(CHUNK * 2))
  }
}
