import type { Cause, EdgeKind, FrameKind, PinEnd, PinFact } from '../model/facts.js'
import { FactRows } from './fact-rows.js'
import { HOT_ENDS, HOT_TABLES, type EndedTable, type HotTable } from './hot-tables.js'
import type { Rows } from './messages.js'

/** A row and an end of each table that is packed, see `HOT_TABLES`. What ends in the chunk it began in is one row. */
export class HotRows {
  readonly #rows: Readonly<Record<HotTable, FactRows>> = {
    frame: new FactRows(HOT_TABLES.frame.length),
    slot: new FactRows(HOT_TABLES.slot.length),
    edge: new FactRows(HOT_TABLES.edge.length),
    pin: new FactRows(HOT_TABLES.pin.length),
    rate: new FactRows(HOT_TABLES.rate.length),
  }
  readonly #ends: Readonly<Record<EndedTable, FactRows>> = {
    frame: new FactRows(HOT_ENDS.frame.length + 1),
    slot: new FactRows(HOT_ENDS.slot.length + 1),
    pin: new FactRows(HOT_ENDS.pin.length + 1),
  }

  /** Rows and ends that wait. */
  get size(): number {
    const { frame, slot, edge, pin } = this.#rows
    const ends = this.#ends
    return frame.rows + slot.rows + edge.rows + pin.rows + ends.frame.rows + ends.slot.rows + ends.pin.rows
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    const at = this.#rows.frame.add()
    const row = this.#rows.frame.values
    row[at] = frame
    row[at + 1] = pfn
    row[at + 2] = order
    row[at + 3] = kind
    row[at + 4] = timeNs
    row[at + 5] = seq
    row[at + 6] = NaN
    row[at + 7] = NaN
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    const begun = this.#rows.frame.find(frame)
    const rows = begun < 0 ? this.#ends.frame : this.#rows.frame
    const at = begun < 0 ? rows.add() : begun + 6
    rows.values[at] = timeNs
    rows.values[at + 1] = seq
    if (begun < 0) rows.values[at + 2] = frame
  }

  slotMapped(
    slot: number,
    mm: number,
    vpn: number,
    frame: number,
    timeNs: number,
    cause: Cause,
    seq: number,
    certain: boolean,
  ): void {
    const at = this.#rows.slot.add()
    const row = this.#rows.slot.values
    row[at] = slot
    row[at + 1] = mm
    row[at + 2] = vpn
    row[at + 3] = frame
    row[at + 4] = timeNs
    row[at + 5] = cause
    row[at + 6] = seq
    row[at + 7] = certain ? 1 : 0
    row[at + 8] = NaN
    row[at + 9] = NaN
    row[at + 10] = NaN
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number): void {
    const begun = this.#rows.slot.find(slot)
    const rows = begun < 0 ? this.#ends.slot : this.#rows.slot
    const at = begun < 0 ? rows.add() : begun + 8
    rows.values[at] = timeNs
    rows.values[at + 1] = cause
    rows.values[at + 2] = seq
    if (begun < 0) rows.values[at + 3] = slot
  }

  edge(
    edge: number,
    kind: EdgeKind,
    fromFrame: number,
    toFrame: number,
    mm: number,
    vpn: number,
    timeNs: number,
    seq: number,
  ): void {
    const at = this.#rows.edge.add()
    const row = this.#rows.edge.values
    row[at] = edge
    row[at + 1] = kind
    row[at + 2] = fromFrame
    row[at + 3] = toFrame
    row[at + 4] = mm
    row[at + 5] = vpn
    row[at + 6] = timeNs
    row[at + 7] = seq
  }

  pinTaken({ pin, mm, vpn, pages, pfn, foll, tgid, tid, stack, call, fromNs, seq }: PinFact): void {
    const at = this.#rows.pin.add()
    const row = this.#rows.pin.values
    row[at] = pin
    row[at + 1] = mm
    row[at + 2] = vpn
    row[at + 3] = pages
    row[at + 4] = pfn
    row[at + 5] = foll
    row[at + 6] = tgid
    row[at + 7] = tid
    row[at + 8] = stack
    row[at + 9] = call
    row[at + 10] = fromNs
    row[at + 11] = seq
    row[at + 12] = NaN
    row[at + 13] = NaN
    row[at + 14] = NaN
  }

  pinEnded(pin: number, timeNs: number, seq: number, end: PinEnd): void {
    const begun = this.#rows.pin.find(pin)
    const rows = begun < 0 ? this.#ends.pin : this.#rows.pin
    const at = begun < 0 ? rows.add() : begun + 12
    rows.values[at] = timeNs
    rows.values[at + 1] = seq
    rows.values[at + 2] = end
    if (begun < 0) rows.values[at + 3] = pin
  }

  rate(
    secondNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    events: number,
    pages: number,
  ): void {
    const at = this.#rows.rate.add()
    const row = this.#rows.rate.values
    row[at] = secondNs
    row[at + 1] = tgid
    row[at + 2] = mm
    row[at + 3] = kind
    row[at + 4] = outcome
    row[at + 5] = events
    row[at + 6] = pages
  }

  /** All so far, in buffers that may be transferred; begins anew. */
  take(): {
    readonly rows: Readonly<Record<HotTable, Rows>>
    readonly ends: Readonly<Record<EndedTable, Rows>>
  } {
    const { frame, slot, edge, pin, rate } = this.#rows
    return {
      rows: { frame: frame.take(), slot: slot.take(), edge: edge.take(), pin: pin.take(), rate: rate.take() },
      ends: { frame: this.#ends.frame.take(), slot: this.#ends.slot.take(), pin: this.#ends.pin.take() },
    }
  }
}
