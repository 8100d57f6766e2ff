/** Address spaces that are remembered; beyond that the oldest is forgotten, and met anew. */
const MOST = 1 << 16

/**
 * Numbers for address spaces. The script names one by where it lies in the kernel, and the place is used again: each fork
 * begins a new one, and its end is told.
 */
export class MmNumbers {
  readonly #numbers = new Map<bigint, number>()
  #last = 0

  of(name: bigint): number {
    return this.#numbers.get(name) ?? this.begin(name)
  }

  begin(name: bigint): number {
    this.#numbers.delete(name)
    this.#numbers.set(name, ++this.#last)
    if (this.#numbers.size > MOST) {
      const [oldest] = this.#numbers.keys()
      this.#numbers.delete(oldest)
    }
    return this.#last
  }

  end(name: bigint): number {
    const number = this.of(name)
    this.#numbers.delete(name)
    return number
  }
}
