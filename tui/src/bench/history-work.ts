import type { EventColumns } from '../model/events.js'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from '../wire/columns.js'

/** Events of a host: one process after the other forks for a moment, copies what it then writes; others write in place. */

export const BATCH = 1000
const PROCESSES = 200
/** Pages that a fork shares. */
const WINDOW = 64
const FIRST_VPN = 0x7f0000000
const VMA = Flag.VmaMaywrite | Flag.VmaAnon
const FAULT = Flag.Write | Flag.User | Flag.Anon | Flag.Lru | VMA
/** One event in so many gives a pin back, and takes it again. */
const REPIN_EVERY = 100

/** Which pages are pinned, and how often each. */
export interface Mix {
  readonly name: string
  /** One page in so many; 0: none. */
  pinnedOneIn(pages: number): number
  readonly pinsEach: number
}

export const MIXES: readonly Mix[] = [
  { name: 'no pins', pinnedOneIn: () => 0, pinsEach: 0 },
  { name: '1 % of pages pinned', pinnedOneIn: () => 100, pinsEach: 1 },
  { name: '100 k live pins', pinnedOneIn: (pages) => Math.max(1, Math.floor(pages / 50_000)), pinsEach: 2 },
]

/** Makes events, batch by batch. The same arguments make the same events. */
export interface Work {
  /** That live. */
  readonly pages: number
  /** What makes them. */
  before(): Iterable<EventColumns>
  /** At least `count` events in whole batches. */
  measured(count: number): readonly EventColumns[]
}

export class HistoryWork implements Work {
  readonly pages: number
  readonly #step: number
  readonly #pinsEach: number
  readonly #pfns: Float64Array
  #nextPfn: number
  #nextMm = 1 + PROCESSES
  #random = 1
  #seq = 0
  #cursor = 0
  #left = 0
  #pinned = 0
  #events = allocateColumns(BATCH)
  #at = 0
  readonly #made: EventColumns[] = []

  /** Whole windows of each process: the number of pages is rounded up. */
  constructor(pages: number, mix: Mix) {
    this.pages = Math.ceil(pages / (PROCESSES * WINDOW)) * PROCESSES * WINDOW
    this.#step = mix.pinnedOneIn(this.pages)
    this.#pinsEach = mix.pinsEach
    this.#pfns = Float64Array.from({ length: this.pages }, (_, page) => page + 1)
    this.#nextPfn = this.pages + 1
  }

  /** A first touch of each page, and its pins. */
  *before(): Generator<EventColumns> {
    for (let page = 0; page < this.pages; page++) {
      const i = this.#next(Kind.AnonNew, page)
      this.#events.newPfn[i] = this.#pfns[page]
      this.#events.flags[i] = FAULT | Flag.Exclusive
      this.#events.newRefcount[i] = 1
      if (this.#isPinned(page)) for (let pin = 0; pin < this.#pinsEach; pin++) this.#gup(page)
      yield* this.#made.splice(0)
    }
    this.#fillUp()
    yield* this.#made.splice(0)
  }

  measured(count: number): readonly EventColumns[] {
    while (this.#made.length * BATCH < count) this.#fork()
    return this.#made.splice(0)
  }

  /** A process forks, writes to each page that is shared now, and to others that are not; then its child exits. */
  #fork(): void {
    const first = this.#below(this.pages / WINDOW) * WINDOW
    const pageAt = (j: number) => first + j
    const child = this.#nextMm++
    const freed: number[] = []
    const isAbout = (kind: Kind, j: number) => {
      const i = this.#next(kind, pageAt(j))
      this.#events.otherMm[i] = child
      this.#events.otherTgid[i] = 1000 + child
      return i
    }
    isAbout(Kind.Fork, 0)
    for (let j = 0; j < WINDOW; j++) {
      if (!this.#isPinned(pageAt(j))) continue
      const i = isAbout(Kind.ForkCopy, j)
      this.#events.oldPfn[i] = this.#pfns[pageAt(j)]
      this.#events.newPfn[i] = this.#nextPfn
      this.#events.flags[i] = FAULT | Flag.Exclusive
      freed.push(this.#nextPfn++)
    }
    const range = isAbout(Kind.ForkVma, 0)
    this.#events.pages[range] = WINDOW
    const isOurs = (page: number) => page >= first && page < first + WINDOW
    for (let j = 0; j < WINDOW;) {
      if (this.#below(100) < 30) {
        const page = pageAt(j++)
        if (this.#isPinned(page)) this.#reuse(page)
        else {
          freed.push(this.#pfns[page])
          this.#copy(page)
        }
      } else this.#reuseElsewhere(isOurs)
      if (this.#step > 0 && this.#below(REPIN_EVERY) === 0) this.#repin()
    }
    const exit = this.#next(Kind.MmExit, pageAt(0))
    this.#events.mm[exit] = child
    for (const pfn of freed) {
      const i = this.#next(Kind.FrameFree, pageAt(0))
      this.#events.mm[i] = 0
      this.#events.oldPfn[i] = pfn
    }
  }

  /** Runs of consecutive pages, of whichever process. */
  #reuseElsewhere(isOurs: (page: number) => boolean): void {
    if (this.#left-- === 0) {
      this.#left = this.#below(32)
      this.#cursor = this.#below(this.pages)
    } else this.#cursor = (this.#cursor + 1) % this.pages
    if (!isOurs(this.#cursor)) this.#reuse(this.#cursor)
  }

  #reuse(page: number): void {
    const i = this.#next(Kind.WpFault, page)
    const { outcome, oldPfn, newPfn, flags, refcount, mapcount } = this.#events
    outcome[i] = Outcome.Reuse
    oldPfn[i] = newPfn[i] = this.#pfns[page]
    flags[i] = FAULT | Flag.Exclusive | Flag.CountsAtDecision
    refcount[i] = mapcount[i] = 1
  }

  #copy(page: number): void {
    const i = this.#next(Kind.WpFault, page)
    const { outcome, oldPfn, newPfn, refcount, mapcount, newRefcount } = this.#events
    outcome[i] = Outcome.Copy
    oldPfn[i] = this.#pfns[page]
    newPfn[i] = this.#pfns[page] = this.#nextPfn++
    refcount[i] = mapcount[i] = 2
    newRefcount[i] = 1
  }

  #repin(): void {
    this.#pinned = (this.#pinned + this.#step * 97) % this.pages
    const page = this.#pinned - (this.#pinned % this.#step)
    const i = this.#next(Kind.Unpin, page)
    this.#events.mm[i] = 0
    this.#events.oldPfn[i] = this.#pfns[page]
    this.#events.pincount[i] = this.#pinsEach
    this.#gup(page)
  }

  #gup(page: number): void {
    const i = this.#next(Kind.Gup, page)
    const { oldPfn, flags, aux, refcount, mapcount, pincount } = this.#events
    oldPfn[i] = this.#pfns[page]
    flags[i] = FAULT | Flag.Exclusive | Flag.Writable
    aux[i] = Foll.Pin | Foll.Write
    refcount[i] = 1 + 1024 * this.#pinsEach
    mapcount[i] = 1
    pincount[i] = this.#pinsEach
  }

  #isPinned(page: number): boolean {
    return this.#step > 0 && page % this.#step === 0
  }

  /** Index of the next event, by the process that the page belongs to. */
  #next(kind: Kind, page: number): number {
    if (this.#at === BATCH) this.#turn()
    const i = this.#at++
    const events = this.#events
    const each = this.pages / PROCESSES
    const process = Math.floor(page / each)
    events.kind[i] = kind
    events.seq[i] = ++this.#seq
    events.timeNs[i] = 1e9 + this.#seq * 1100
    events.tgid[i] = events.tid[i] = 1000 + process
    events.mm[i] = 1 + process
    events.vpn[i] = FIRST_VPN + (page % each)
    events.pages[i] = 1
    events.flags[i] = FAULT
    return i
  }

  #fillUp(): void {
    while (this.#at < BATCH) this.#next(Kind.UffdMessage, 0)
    this.#turn()
  }

  #turn(): void {
    this.#made.push(this.#events)
    this.#events = allocateColumns(BATCH)
    this.#at = 0
  }

  #below(limit: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
    return (this.#random >>> 8) % limit
  }
}
