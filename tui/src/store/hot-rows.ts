import { Cause, EdgeKind, type FrameKind, type PinEnd, type PinFact } from '../model/facts.js'
import { FactRows } from './fact-rows.js'
import { HOT_ENDS, HOT_TABLES, type EndedTable, type HotTable } from './hot-tables.js'
import { LastEnds } from './last-ends.js'
import type { Rows } from './messages.js'
import { SharedRows } from './shared-rows.js'

/** What a frame's row says of how it came about, by why it was mapped first. */
const EDGE_OF: Readonly<Partial<Record<Cause, EdgeKind>>> = {
  [Cause.Copy]: EdgeKind.Copy,
  [Cause.Unshare]: EdgeKind.Unshare,
  [Cause.ForkCopy]: EdgeKind.ForkCopy,
}

/**
 * `short`: what one event does to a page is one row, and ends are told where nothing else tells them. `whole`: each interval
 * and each edge has a row of its own, with its end, so that it can be removed when it is over.
 */
export type Telling = 'short' | 'whole'

/** Rows and ends of each table that is packed, see `HOT_TABLES`. What ends in the chunk it began in is one row. */
export class HotRows {
  readonly #telling: Telling
  readonly #rows = {
    frame: new FactRows(HOT_TABLES.frame.length),
    mapping: new FactRows(HOT_TABLES.mapping.length),
    other_edge: new FactRows(HOT_TABLES.other_edge.length),
    pin: new FactRows(HOT_TABLES.pin.length),
    ending: new FactRows(HOT_TABLES.ending.length),
    freed: new FactRows(HOT_TABLES.freed.length),
    rate: new FactRows(HOT_TABLES.rate.length),
  } satisfies Readonly<Record<HotTable, FactRows>>
  readonly #ends = {
    frame: new FactRows(HOT_ENDS.frame.length + 1),
    mapping: new FactRows(HOT_ENDS.mapping.length + 1),
    pin: new FactRows(HOT_ENDS.pin.length + 1),
  } satisfies Readonly<Record<EndedTable, FactRows>>
  readonly #lastEnds = new LastEnds((slot, mm, timeNs, cause, seq) => {
    const at = this.#rows.ending.add()
    const row = this.#rows.ending.values
    row[at] = slot
    row[at + 1] = mm
    row[at + 2] = timeNs
    row[at + 3] = cause
    row[at + 4] = seq
  })
  readonly #shared = new SharedRows()
  #storedNs = -Infinity

  constructor(telling: Telling) {
    this.#telling = telling
  }

  /** Rows and ends that wait. */
  get size(): number {
    const { frame, mapping, other_edge, pin, ending, freed } = this.#rows
    const ends = this.#ends
    return (
      frame.rows +
      mapping.rows +
      other_edge.rows +
      pin.rows +
      ending.rows +
      freed.rows +
      this.#shared.pages +
      ends.frame.rows +
      ends.mapping.rows +
      ends.pin.rows
    )
  }

  /** Ends of slots before this time are told again, and are stored: they have no numbers by which that could be seen. */
  set storedNs(timeNs: number) {
    this.#storedNs = timeNs
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
    row.fill(NaN, at + 6, at + 14)
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    const begun = this.#rows.frame.find(frame)
    if (begun >= 0) {
      this.#rows.frame.values[begun + 6] = timeNs
      this.#rows.frame.values[begun + 7] = seq
      return
    }
    if (this.#telling === 'whole') {
      const at = this.#ends.frame.add()
      const end = this.#ends.frame.values
      end[at] = timeNs
      end[at + 1] = seq
      end[at + 2] = frame
      return
    }
    const at = this.#rows.freed.add()
    const row = this.#rows.freed.values
    row[at] = frame
    row[at + 1] = timeNs
    row[at + 2] = seq
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
    if (this.#telling === 'short') {
      this.#lastEnds.began(mm, vpn, timeNs, cause, seq)
      const told = this.#frameSeenBy(frame, timeNs, seq)
      if (told >= 0 && certain) {
        const row = this.#rows.frame.values
        row[told + 8] = slot
        row[told + 9] = mm
        row[told + 10] = vpn
        row[told + 11] = cause
        return
      }
      // A frame that fork shares is mapped at that address already, and found by that; one that it shows is not.
      if (told < 0 && cause === Cause.Fork) {
        this.#shared.add(slot, mm, vpn, frame, timeNs, seq, certain)
        return
      }
    }
    const at = this.#rows.mapping.add()
    const row = this.#rows.mapping.values
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

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void {
    if (timeNs < this.#storedNs) return
    if (this.#telling === 'short') {
      // The end of the address space says it of all that is left in it.
      if (cause !== Cause.MmExit) this.#lastEnds.ended(slot, timeNs, cause, seq, mm, vpn)
      return
    }
    const begun = this.#rows.mapping.find(slot)
    const rows = begun < 0 ? this.#ends.mapping : this.#rows.mapping
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
    if (this.#telling === 'short' && this.#isOriginOf(kind, fromFrame, toFrame, mm, vpn, timeNs, seq)) return
    const at = this.#rows.other_edge.add()
    const row = this.#rows.other_edge.values
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
    vma: number,
    stack: number,
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
    row[at + 7] = vma
    row[at + 8] = stack
  }

  /** All so far, in buffers that may be transferred; begins anew. */
  take(): {
    readonly rows: Readonly<Record<HotTable, Rows>>
    readonly shared: Rows
    readonly ends: Readonly<Record<EndedTable, Rows>>
  } {
    this.#lastEnds.flush()
    const { frame, mapping, other_edge, pin, ending, freed, rate } = this.#rows
    return {
      rows: {
        frame: frame.take(),
        mapping: mapping.take(),
        other_edge: other_edge.take(),
        pin: pin.take(),
        ending: ending.take(),
        freed: freed.take(),
        rate: rate.take(),
      },
      shared: this.#shared.take(),
      ends: {
        frame: this.#ends.frame.take(),
        mapping: this.#ends.mapping.take(),
        pin: this.#ends.pin.take(),
      },
    }
  }

  /** Where the row of the frame begins that the same event showed and that nothing maps yet, or -1. */
  #frameSeenBy(frame: number, timeNs: number, seq: number): number {
    const at = this.#rows.frame.find(frame)
    if (at < 0) return -1
    const row = this.#rows.frame.values
    return row[at + 4] === timeNs && row[at + 5] === seq && Number.isNaN(row[at + 8]) ? at : -1
  }

  /** A copy for the page that maps it first: the frame's row says of which frame. */
  #isOriginOf(
    kind: EdgeKind,
    fromFrame: number,
    toFrame: number,
    mm: number,
    vpn: number,
    timeNs: number,
    seq: number,
  ): boolean {
    const at = this.#rows.frame.find(toFrame)
    if (at < 0) return false
    const row = this.#rows.frame.values
    if (
      row[at + 4] !== timeNs ||
      row[at + 5] !== seq ||
      row[at + 9] !== mm ||
      row[at + 10] !== vpn ||
      EDGE_OF[row[at + 11] as Cause] !== kind || // what is put in; NaN has no edge
      !Number.isNaN(row[at + 12])
    )
      return false
    row[at + 12] = fromFrame
    row[at + 13] = this.#takeMet(mm, vpn, fromFrame, timeNs, seq)
    return true
  }

  /** An interval that only the event of the copy showed is told by the row of the copy: its number, or NaN where the page was known. */
  #takeMet(mm: number, vpn: number, frame: number, timeNs: number, seq: number): number {
    const { rows, values: row } = this.#rows.mapping
    const at = (rows - 1) * HOT_TABLES.mapping.length
    if (
      rows === 0 ||
      row[at + 6] !== seq ||
      row[at + 4] !== timeNs ||
      row[at + 1] !== mm ||
      row[at + 2] !== vpn ||
      row[at + 3] !== frame ||
      row[at + 5] !== Cause.Seen ||
      row[at + 7] !== 1
    )
      return NaN
    this.#rows.mapping.dropLast()
    return row[at]
  }
}
