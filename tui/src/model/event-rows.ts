import type { EventColumns } from './events.js'

type Columns = Omit<EventColumns, 'length'>

/** One event as an object: for sources that make few of them (the simulator, tests). */
export type EventRow = { -readonly [Name in keyof Columns]: number }

/** An event that says nothing. */
export const NO_EVENT: Readonly<EventRow> = {
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

/** Rows put into columns. */
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
