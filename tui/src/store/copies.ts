import type Database from 'better-sqlite3'
import { Cause, EdgeKind } from '../model/facts.js'
import { HOT_TABLES } from './hot-tables.js'
import type { Rows } from './messages.js'

/** Frames that came of others, for a page each, in the order of time; at one of them. */
export interface Copies {
  /** Infinity: there are no more. */
  readonly timeNs: number
  /** An `EdgeKind`. */
  readonly kind: number
  readonly mm: number
  readonly vpn: number
  readonly order: number
  next(): void
}

const FRAME_WIDTH = HOT_TABLES.frame.length
const EDGE_WIDTH = HOT_TABLES.other_edge.length

/** Of a chunk: those that rows of frames tell, and the other edges. Columns as `HOT_TABLES` has them. */
export class ChunkCopies implements Copies {
  timeNs = Infinity
  kind = 0
  mm = 0
  vpn = 0
  order = 0
  readonly #frames: Rows
  readonly #edges: Rows
  readonly #storedOrderOf: (frame: number) => number
  #frame = 0
  #edge = 0

  /** `storedOrderOf` is asked about frames of earlier chunks. */
  constructor(frames: Rows, edges: Rows, storedOrderOf: (frame: number) => number) {
    this.#frames = frames
    this.#edges = edges
    this.#storedOrderOf = storedOrderOf
    this.next()
  }

  next(): void {
    const frames = this.#frames.values
    const edges = this.#edges.values
    const framesEnd = this.#frames.rows * FRAME_WIDTH
    let at = this.#frame
    while (at < framesEnd && Number.isNaN(frames[at + 12])) at += FRAME_WIDTH
    const frameNs = at < framesEnd ? frames[at + 4] : Infinity
    const edge = this.#edge
    if (edge < this.#edges.rows * EDGE_WIDTH && edges[edge + 6] <= frameNs) {
      this.#frame = at
      this.#edge += EDGE_WIDTH
      this.timeNs = edges[edge + 6]
      this.kind = edges[edge + 1]
      this.mm = edges[edge + 4]
      this.vpn = edges[edge + 5]
      this.order = this.#orderOf(edges[edge + 3])
      return
    }
    this.timeNs = frameNs
    this.#frame = at + FRAME_WIDTH
    if (at >= framesEnd) return
    this.kind = frames[at + 11] === Cause.ForkCopy ? EdgeKind.ForkCopy : EdgeKind.Copy
    this.mm = frames[at + 9]
    this.vpn = frames[at + 10]
    this.order = frames[at + 2]
  }

  #orderOf(frame: number): number {
    const { rows, values } = this.#frames
    const at = (frame - (rows === 0 ? 0 : values[0])) * FRAME_WIDTH
    return at >= 0 && at < rows * FRAME_WIDTH && values[at] === frame
      ? values[at + 2]
      : this.#storedOrderOf(frame)
  }
}

interface CopyRow {
  readonly timeNs: number
  readonly kind: number
  readonly mm: number
  readonly vpn: number
  readonly order: number
}

/** Of all that a recording holds. */
export class StoredCopies implements Copies {
  timeNs = Infinity
  kind = 0
  mm = 0
  vpn = 0
  order = 0
  readonly #rows: Iterator<CopyRow>

  constructor(db: Database.Database) {
    const copies = db.prepare<[], CopyRow>(
      `SELECT e.at_ns AS timeNs, e.kind, e.mm, e.vpn, f.folio_order AS "order"
       FROM edge e JOIN frame f ON f.frame = e.to_frame ORDER BY e.at_ns`,
    )
    this.#rows = copies.iterate()
    this.next()
  }

  next(): void {
    const row = this.#rows.next()
    this.timeNs = Infinity
    if (row.done !== true) Object.assign(this, row.value)
  }
}
