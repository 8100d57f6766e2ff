import { columnsOf, NO_EVENT, type EventRow } from '../../model/event-rows.js'
import type { Batch } from '../history.js'

export type { EventRow }

/** Test support: events as objects, put into columns. */

/** Numbered from `firstSeq`, a microsecond apart where no time is given. */
export function numbered(events: readonly Partial<EventRow>[], firstSeq = 1): readonly EventRow[] {
  return events.map((event, i) => ({
    ...NO_EVENT,
    seq: firstSeq + i,
    timeNs: 1e9 + (firstSeq + i) * 1000,
    ...event,
  }))
}

export function batchOf(rows: readonly EventRow[], processes: Batch['processes'] = []): Batch {
  const firstSeq = rows.at(0)?.seq ?? 1
  return { firstSeq, lastSeq: rows.at(-1)?.seq ?? firstSeq - 1, processes, events: columnsOf(rows) }
}
