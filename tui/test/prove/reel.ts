import { NO_EVENT } from '../../src/model/event-rows.js'
import type { EventColumns } from '../../src/model/events.js'
import type { Place, Told } from '../../src/policy/simulator/rows.js'

const START_NS = 1e9
const STEP_NS = 1000

type Columns = { -readonly [Name in keyof Omit<EventColumns, 'length'>]: EventColumns[Name] }
type Name = keyof Columns

/** What a run's place moves; 0 stays 0, which is none. */
const MM_COLUMNS = ['mm', 'otherMm', 'tgid', 'otherTgid', 'tid'] as const
const PFN_COLUMNS = ['oldPfn', 'newPfn'] as const

const NAMES = Object.keys(NO_EVENT) as readonly Name[] // they are the names of all columns, and nothing else

/** Columns that are filled again and again: millions of runs are put on them, a `Tape` would make an object for each event. */
export class Reel {
  readonly #columns: Columns
  readonly #events: Columns & { length: number }
  readonly #all: readonly Columns[Name][]
  readonly #capacity: number
  #length = 0
  #firstSeq = 1
  /** What was added last by `addAll`, and where: runs that begin alike come one after the other. */
  #before: readonly Told[] = []
  #beforeAt = 0
  #beforePlace: Place = { mm: 0, pfn: 0 }

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#columns = emptyColumns(capacity)
    this.#events = { ...this.#columns, length: 0 }
    this.#all = NAMES.map((name) => this.#columns[name])
  }

  get length(): number {
    return this.#length
  }

  hasRoomFor(events: number): boolean {
    return this.#length + events <= this.#capacity
  }

  /** Numbered one after the other, a microsecond apart. */
  add(told: Told, place: Place): void {
    const i = this.#length++
    const columns = this.#columns
    for (const column of this.#all) column[i] = 0
    for (const name in told) columns[name as Name][i] = told[name as Name] ?? 0 // `Told` has columns' names alone
    columns.seq[i] = this.#firstSeq + i
    columns.timeNs[i] = START_NS + columns.seq[i] * STEP_NS
    columns.tid[i] = columns.tgid[i]
    this.#moved(MM_COLUMNS, i, 1, place.mm)
    this.#moved(PFN_COLUMNS, i, 1, place.pfn)
  }

  /** The beginning of a run; the same array again is copied from where it stands, by `place` alone another. */
  addAll(before: readonly Told[], place: Place): void {
    const from = this.#beforeAt
    const isKnown = before === this.#before && from + before.length <= this.#length
    const to = this.#length
    if (isKnown) this.#copy(from, before.length, place)
    else for (const told of before) this.add(told, place)
    this.#before = before
    this.#beforeAt = to
    this.#beforePlace = place
  }

  #copy(from: number, count: number, place: Place): void {
    const to = this.#length
    for (const column of this.#all) column.copyWithin(to, from, from + count)
    const { seq, timeNs } = this.#columns
    for (let i = to; i < to + count; i++) {
      seq[i] = this.#firstSeq + i
      timeNs[i] = START_NS + seq[i] * STEP_NS
    }
    this.#moved(MM_COLUMNS, to, count, place.mm - this.#beforePlace.mm)
    this.#moved(PFN_COLUMNS, to, count, place.pfn - this.#beforePlace.pfn)
    this.#length += count
  }

  #moved(names: readonly Name[], from: number, count: number, by: number): void {
    for (const name of names) {
      const column = this.#columns[name]
      for (let i = from; i < from + count; i++) if (column[i] !== 0) column[i] += by
    }
  }

  /** What is on it; the same object each time, and valid until it is rewound. */
  get events(): EventColumns {
    this.#events.length = this.#length
    return this.#events
  }

  /** It is empty, and what is added next has that number. */
  rewind(firstSeq = 1): void {
    this.#firstSeq = firstSeq
    this.#length = 0
    this.#before = []
  }
}

function emptyColumns(capacity: number): Columns {
  const doubles = () => new Float64Array(capacity)
  const words = () => new Uint32Array(capacity)
  const counts = () => new Int32Array(capacity)
  const bytes = () => new Uint8Array(capacity)
  return {
    seq: doubles(),
    timeNs: doubles(),
    vpn: doubles(),
    oldPfn: doubles(),
    newPfn: doubles(),
    aux: doubles(),
    kind: bytes(),
    outcome: bytes(),
    order: bytes(),
    cpu: words(),
    tgid: words(),
    tid: words(),
    mm: words(),
    otherMm: words(),
    otherTgid: words(),
    pages: words(),
    flags: words(),
    stack: words(),
    refcount: counts(),
    mapcount: counts(),
    pincount: counts(),
    newRefcount: counts(),
  }
}
