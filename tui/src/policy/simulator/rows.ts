import { columnsOf, NO_EVENT, type EventRow } from '../../model/event-rows.js'
import type { EventColumns } from '../../model/events.js'

/** What an operation tells, as the agent would (proto/cowpath/v1/event.proto): the columns that its kind fills. */
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
    const row = { ...NO_EVENT, seq, timeNs: START_NS + seq * STEP_NS, ...told }
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
