import { NO_EVENT } from '../../src/model/event-rows.js'
import type { EventColumns } from '../../src/model/events.js'
import type { Place, Told } from '../../src/policy/simulator/rows.js'

const START_NS = 1e9
const STEP_NS = 1000

type Columns = { -readonly [Name in keyof Omit<EventColumns, 'length'>]: EventColumns[Name] }
type Name = keyof Columns

const NAMES = Object.keys(NO_EVENT) as readonly Name[] // they are the names of all columns, and nothing else

/** Columns that are filled again and again: millions of runs are put on them, a `Tape` would make an object for each event. */
export class Reel {
  readonly #columns: Columns
  readonly #capacity: number
  #length = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#columns = emptyColumns(capacity)
  }

  get length(): number {
    return this.#length
  }

  hasRoomFor(events: number): boolean {
    return this.#length + events <= this.#capacity
  }

  /** Numbered from 1, a microsecond apart. */
  add(told: Told, place: Place): void {
    const i = this.#length++
    const columns = this.#columns
    for (const name of NAMES) columns[name][i] = told[name] ?? 0
    columns.seq[i] = this.#length
    columns.timeNs[i] = START_NS + this.#length * STEP_NS
    for (const name of ['mm', 'otherMm', 'tgid', 'otherTgid'] as const)
      if (columns[name][i] !== 0) columns[name][i] += place.mm
    for (const name of ['oldPfn', 'newPfn'] as const)
      if (columns[name][i] !== 0) columns[name][i] += place.pfn
    columns.tid[i] = columns.tgid[i]
  }

  /** What is on it; valid until it is rewound. */
  get events(): EventColumns {
    return { ...this.#columns, length: this.#length }
  }

  rewind(): void {
    this.#length = 0
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
