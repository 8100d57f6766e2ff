import type { EventColumns } from '../../model/events.js'

type Columns = Omit<EventColumns, 'length'>

/** One event as the agent would tell it; see proto/cowpath/v1/event.proto. */
export type EventRow = { -readonly [Name in keyof Columns]: number }

const ZERO: Readonly<EventRow> = {
  seq: 0,
  timeNs: 0,
  vpn: 0,
  oldPfn: 0,
  newPfn: 0,
  aux: 0,
  kind: 0,
  outcome: 0,
  order: 0,
  cpu: 0,
  tgid: 0,
  tid: 0,
  mm: 0,
  otherMm: 0,
  otherTgid: 0,
  pages: 0,
  flags: 0,
  stack: 0,
  refcount: 0,
  mapcount: 0,
  pincount: 0,
  newRefcount: 0,
}

/** What an operation tells: the columns that its kind fills. */
export type Told = Partial<EventRow>

/** Where a run of the simulator lies among others, so that many runs make one stream that no two of them share a page of. */
export interface Place {
  readonly mm: number
  readonly pfn: number
}

const START_NS = 1e9
const STEP_NS = 1000

/** Puts events behind each other: numbered from 1, a microsecond apart. */
export class Tape {
  readonly #rows: EventRow[] = []
  #seq: number

  constructor(firstSeq = 1) {
    this.#seq = firstSeq
  }

  /** The number that the next event gets. */
  get nextSeq(): number {
    return this.#seq
  }

  add(told: Told, place: Place = { mm: 0, pfn: 0 }): void {
    const seq = this.#seq++
    const row = { ...ZERO, seq, timeNs: START_NS + seq * STEP_NS, ...told }
    if (row.mm !== 0) row.mm += place.mm
    if (row.otherMm !== 0) row.otherMm += place.mm
    if (row.tgid !== 0) row.tgid += place.mm
    if (row.otherTgid !== 0) row.otherTgid += place.mm
    if (row.oldPfn !== 0) row.oldPfn += place.pfn
    if (row.newPfn !== 0) row.newPfn += place.pfn
    row.tid = row.tgid
    this.#rows.push(row)
  }

  /** What was added since the last call, as columns. */
  take(): EventColumns {
    return columnsOf(this.#rows.splice(0))
  }
}

export function columnsOf(rows: readonly EventRow[]): EventColumns {
  const doubles = (name: keyof EventRow) => Float64Array.from(rows, (row) => row[name])
  const unsigned = (name: keyof EventRow) => Uint32Array.from(rows, (row) => row[name])
  const signed = (name: keyof EventRow) => Int32Array.from(rows, (row) => row[name])
  const bytes = (name: keyof EventRow) => Uint8Array.from(rows, (row) => row[name])
  return {
    length: rows.length,
    seq: doubles('seq'),
    timeNs: doubles('timeNs'),
    vpn: doubles('vpn'),
    oldPfn: doubles('oldPfn'),
    newPfn: doubles('newPfn'),
    aux: doubles('aux'),
    kind: bytes('kind'),
    outcome: bytes('outcome'),
    order: bytes('order'),
    cpu: unsigned('cpu'),
    tgid: unsigned('tgid'),
    tid: unsigned('tid'),
    mm: unsigned('mm'),
    otherMm: unsigned('otherMm'),
    otherTgid: unsigned('otherTgid'),
    pages: unsigned('pages'),
    flags: unsigned('flags'),
    stack: unsigned('stack'),
    refcount: signed('refcount'),
    mapcount: signed('mapcount'),
    pincount: signed('pincount'),
    newRefcount: signed('newRefcount'),
  }
}
