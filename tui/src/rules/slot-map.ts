/** Values by slot, at most `bound` of them: beyond that the oldest is forgotten. */
export class SlotMap<Value> {
  readonly #values = new Map<string, Value>()
  readonly #bound: number

  constructor(bound: number) {
    this.#bound = bound
  }

  get isEmpty(): boolean {
    return this.#values.size === 0
  }

  set(mm: number, vpn: number, value: Value): void {
    const key = keyOf(mm, vpn)
    this.#values.delete(key)
    if (this.#values.size >= this.#bound) {
      const [oldest] = this.#values.keys()
      this.#values.delete(oldest)
    }
    this.#values.set(key, value)
  }

  get(mm: number, vpn: number): Value | undefined {
    return this.#values.get(keyOf(mm, vpn))
  }

  take(mm: number, vpn: number): Value | undefined {
    const key = keyOf(mm, vpn)
    const value = this.#values.get(key)
    this.#values.delete(key)
    return value
  }
}

function keyOf(mm: number, vpn: number): string {
  return `${mm}:${vpn}`
}
