interface Row<Value> {
  readonly mm: number
  readonly vpn: number
  readonly value: Value
}

/** Values by slot, at most `bound` of them: beyond that the oldest is forgotten. */
export class SlotMap<Value> {
  readonly #rows = new Map<string, Row<Value>>()
  readonly #bound: number

  constructor(bound: number) {
    this.#bound = bound
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0
  }

  set(mm: number, vpn: number, value: Value): void {
    const key = keyOf(mm, vpn)
    this.#rows.delete(key)
    if (this.#rows.size >= this.#bound) {
      const [oldest] = this.#rows.keys()
      this.#rows.delete(oldest)
    }
    this.#rows.set(key, { mm, vpn, value })
  }

  get(mm: number, vpn: number): Value | undefined {
    return this.#rows.get(keyOf(mm, vpn))?.value
  }

  /** The value, which is forgotten. */
  take(mm: number, vpn: number): Value | undefined {
    const key = keyOf(mm, vpn)
    const row = this.#rows.get(key)
    this.#rows.delete(key)
    return row?.value
  }

  /** Those of [vpn, vpn + pages), which are forgotten. */
  takeRange(mm: number, vpn: number, pages: number): readonly Value[] {
    const taken: Value[] = []
    for (const [key, row] of this.#rows) {
      if (row.mm !== mm || row.vpn < vpn || row.vpn >= vpn + pages) continue
      taken.push(row.value)
      this.#rows.delete(key)
    }
    return taken
  }
}

function keyOf(mm: number, vpn: number): string {
  return `${mm}:${vpn}`
}
