import type { EventColumns } from '../../model/events.js'
import type { Batch } from '../history.js'

/** Test support: events as objects, put into columns. */

type Columns = Omit<EventColumns, 'length'>
export type EventRow = { [Name in keyof Columns]: number }

const ZERO: EventRow = {
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

/** Numbered from `firstSeq`, a microsecond apart where no time is given. */
export function numbered(events: readonly Partial<EventRow>[], firstSeq = 1): readonly EventRow[] {
  return events.map((event, i) => ({
    ...ZERO,
    seq: firstSeq + i,
    timeNs: 1e9 + (firstSeq + i) * 1000,
    ...event,
  }))
}

export function batchOf(rows: readonly EventRow[], processes: Batch['processes'] = []): Batch {
  const doubles = (name: keyof EventRow) => Float64Array.from(rows, (row) => row[name])
  const unsigned = (name: keyof EventRow) => Uint32Array.from(rows, (row) => row[name])
  const signed = (name: keyof EventRow) => Int32Array.from(rows, (row) => row[name])
  const bytes = (name: keyof EventRow) => Uint8Array.from(rows, (row) => row[name])
  const events: EventColumns = {
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
  const firstSeq = rows.at(0)?.seq ?? 1
  return { firstSeq, lastSeq: rows.at(-1)?.seq ?? firstSeq - 1, processes, events }
}
