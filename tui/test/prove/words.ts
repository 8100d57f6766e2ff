/** Words become a name: 64 bits of two hashes. Of two million names some two are the same by chance once in ten million searches. */
export class Words {
  #one = 0
  #two = 0

  /** A whole number; what lies beyond 32 bits is left out. */
  add(word: number): void {
    const one = Math.imul(word ^ (word >>> 16), 0xcc9e2d51)
    this.#one = Math.imul(this.#one ^ Math.imul((one << 15) | (one >>> 17), 0x1b873593), 0x85ebca6b)
    this.#one = (((this.#one << 13) | (this.#one >>> 19)) + 0x52dce729) | 0
    const two = Math.imul(word + 0x3c6ef372, 0x9e3779b1)
    this.#two = Math.imul(this.#two + (two ^ (two >>> 15)), 0xc2b2ae3d)
    this.#two = ((this.#two << 17) | (this.#two >>> 15)) ^ 0x38495ab5
  }

  get name(): string {
    const one = mixed(this.#one)
    const two = mixed(this.#two)
    return String.fromCharCode(one >>> 16, one & 0xffff, two >>> 16, two & 0xffff)
  }
}

/** Each bit of a word comes to matter to each. */
function mixed(word: number): number {
  const half = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const more = Math.imul(half ^ (half >>> 13), 0xc2b2ae35)
  return more ^ (more >>> 16)
}
