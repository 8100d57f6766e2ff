import type { EventColumns } from '../model/events.js'

/** Bytes of all columns: 6 of doubles, 13 of 32 bits, 3 of bytes. */
const BYTES_AN_EVENT = 6 * 8 + 13 * 4 + 3

/** All-zero columns in one buffer; wide ones first, so that all are aligned. */
export function allocateColumns(length: number): EventColumns {
  const buffer = new ArrayBuffer(BYTES_AN_EVENT * length)
  const doubles = (index: number) => new Float64Array(buffer, index * 8 * length, length)
  const words = (index: number) => (48 + index * 4) * length
  const unsigned = (index: number) => new Uint32Array(buffer, words(index), length)
  const signed = (index: number) => new Int32Array(buffer, words(index), length)
  const bytes = (index: number) => new Uint8Array(buffer, (48 + 52 + index) * length, length)
  return {
    length,
    seq: doubles(0),
    timeNs: doubles(1),
    vpn: doubles(2),
    oldPfn: doubles(3),
    newPfn: doubles(4),
    aux: doubles(5),
    cpu: unsigned(0),
    tgid: unsigned(1),
    tid: unsigned(2),
    mm: unsigned(3),
    otherMm: unsigned(4),
    otherTgid: unsigned(5),
    pages: unsigned(6),
    flags: unsigned(7),
    stack: unsigned(8),
    refcount: signed(9),
    mapcount: signed(10),
    pincount: signed(11),
    newRefcount: signed(12),
    kind: bytes(0),
    outcome: bytes(1),
    order: bytes(2),
  }
}

/** Events [from, length) as views on the same memory. */
export function columnsFrom(events: EventColumns, from: number): EventColumns {
  return {
    length: events.length - from,
    seq: events.seq.subarray(from),
    timeNs: events.timeNs.subarray(from),
    vpn: events.vpn.subarray(from),
    oldPfn: events.oldPfn.subarray(from),
    newPfn: events.newPfn.subarray(from),
    aux: events.aux.subarray(from),
    kind: events.kind.subarray(from),
    outcome: events.outcome.subarray(from),
    order: events.order.subarray(from),
    cpu: events.cpu.subarray(from),
    tgid: events.tgid.subarray(from),
    tid: events.tid.subarray(from),
    mm: events.mm.subarray(from),
    otherMm: events.otherMm.subarray(from),
    otherTgid: events.otherTgid.subarray(from),
    pages: events.pages.subarray(from),
    flags: events.flags.subarray(from),
    stack: events.stack.subarray(from),
    refcount: events.refcount.subarray(from),
    mapcount: events.mapcount.subarray(from),
    pincount: events.pincount.subarray(from),
    newRefcount: events.newRefcount.subarray(from),
  }
}
