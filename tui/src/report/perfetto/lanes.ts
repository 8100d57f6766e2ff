/**
 * Slices of one Perfetto track must nest; references and forks overlap as they like. Each goes onto the first lane that is
 * free, so that there are no more lanes than things that lasted at one time.
 */
export class Lanes<Track> {
  readonly #make: () => Track
  /** Lanes with the time at which each is free again, the earliest first: a binary heap. */
  readonly #heap: { readonly track: Track; freeNs: number }[] = []

  constructor(make: () => Track) {
    this.#make = make
  }

  /** The lane for what lasts over [fromNs, untilNs); calls come in the order of `fromNs`. */
  place(fromNs: number, untilNs: number): Track {
    const first = this.#heap.at(0)
    if (first === undefined || first.freeNs > fromNs) return this.#open(untilNs)
    first.freeNs = untilNs
    this.#sinkRoot()
    return first.track
  }

  #open(freeNs: number): Track {
    const lane = { track: this.#make(), freeNs }
    this.#heap.push(lane)
    for (let i = this.#heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1
      if (this.#heap[parent].freeNs <= this.#heap[i].freeNs) break
      this.#swap(parent, i)
      i = parent
    }
    return lane.track
  }

  #sinkRoot(): void {
    for (let i = 0; ;) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.#heap.length && this.#heap[child].freeNs < this.#heap[least].freeNs) least = child
      if (least === i) return
      this.#swap(i, least)
      i = least
    }
  }

  #swap(a: number, b: number): void {
    const lane = this.#heap[a]
    this.#heap[a] = this.#heap[b]
    this.#heap[b] = lane
  }
}
