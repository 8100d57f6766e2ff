import type Database from 'better-sqlite3'
import { Cause, EdgeKind } from '../model/facts.js'
import { HOT_TABLES } from './hot-tables.js'
import type { RareFact, Rows } from './messages.js'

/** Copies of one address space so far. */
interface Counts {
  copies: number
  pages: number
  early: number
}

/** From the beginning of a child until its end: what parent and child copied meanwhile is what the fork cost. */
interface ForkWindow {
  readonly parent: Counts
  readonly child: Counts
  readonly parentBefore: Counts
  readonly childBefore: Counts
  /** Rows of `fork`; none: its event has not come. */
  readonly forks: number[]
}

/** What opens or closes a window. */
type Point =
  | { readonly type: 'mm'; readonly timeNs: number; readonly mm: number; readonly parentMm: number }
  /** `fork` is the row's number, where it has one already: the next row has the next. */
  | {
      readonly type: 'fork'
      readonly timeNs: number
      readonly mm: number
      readonly parentMm: number
      readonly fork?: number
    }
  | { readonly type: 'end'; readonly timeNs: number; readonly mm: number }

interface Copy {
  readonly timeNs: number
  readonly kind: number
  readonly mm: number
  readonly order: number
}

const FRAME_WIDTH = HOT_TABLES.frame.length
const EDGE_WIDTH = HOT_TABLES.other_edge.length
/** No folio is larger; db/queries/forks.sql holds to the same. */
const LARGEST_ORDER = 18

/**
 * Keeps the table `fork_cost` up while a recording is written: the sums of db/queries/forks.sql, without reading all
 * copies at the end. Bounded by the address spaces that are alive.
 */
export class ForkCosts {
  readonly #counts = new Map<number, Counts>()
  readonly #windows = new Map<number, ForkWindow>()
  readonly #insert: Database.Statement<[number, number, number, number, number]>
  readonly #orderOf: Database.Statement<[number], number>
  /** Rows that wait to be written. */
  #told: (readonly [number, number, number, number, number])[] = []
  #forks = 0

  /** Takes up what the recording holds already. */
  constructor(db: Database.Database) {
    this.#insert = db.prepare('INSERT OR REPLACE INTO fork_cost VALUES (?, ?, ?, ?, ?)')
    this.#orderOf = db.prepare<[number], number>('SELECT folio_order FROM frame WHERE frame = ?').pluck()
    this.#merge(storedPoints(db), storedCopies(db))
  }

  /** Writes what was concluded so far, within the caller's transaction. */
  write(): void {
    for (const row of this.#told) this.#insert.run(...row)
  }

  /** The facts of a chunk that is in the database, and with it all that was written; frames of an earlier chunk are asked of it. */
  committed(rare: readonly RareFact[], frames: Rows, edges: Rows): void {
    this.#told = []
    this.#merge(rare.flatMap(pointOf), this.#copiesOf(frames, edges))
  }

  /** The recording is being closed: windows that are open end here. Writes, within the caller's transaction. */
  finish(): void {
    for (const mm of this.#windows.keys()) this.#end(mm)
    this.write()
  }

  /** Both in the order of time; what opens a window comes before a copy of the same moment, what closes it after. */
  #merge(points: Iterable<Point>, copies: Iterator<Copy>): void {
    let copy = copies.next()
    for (const point of points) {
      const isEnd = point.type === 'end'
      for (; copy.done !== true && isBefore(copy.value, point, isEnd); copy = copies.next())
        this.#copied(copy.value)
      if (isEnd) this.#end(point.mm)
      else this.#begin(point)
    }
    for (; copy.done !== true; copy = copies.next()) this.#copied(copy.value)
  }

  #begin(point: Point & { readonly parentMm: number }): void {
    const { mm, parentMm } = point
    let window = this.#windows.get(mm)
    if (window === undefined) {
      const [parent, child] = [this.#of(parentMm), this.#of(mm)]
      window = { parent, child, parentBefore: { ...parent }, childBefore: { ...child }, forks: [] }
      this.#windows.set(mm, window)
    }
    if (point.type !== 'fork') return
    const fork = point.fork ?? this.#forks + 1
    this.#forks = Math.max(this.#forks, fork)
    window.forks.push(fork)
  }

  #copied({ kind, mm, order }: Copy): void {
    if (kind !== EdgeKind.Copy && kind !== EdgeKind.Unshare && kind !== EdgeKind.ForkCopy) return
    const counts = this.#of(mm)
    counts.copies++
    counts.pages += 2 ** Math.min(Math.max(order, 0), LARGEST_ORDER)
    if (kind === EdgeKind.ForkCopy) counts.early++
  }

  #end(mm: number): void {
    const window = this.#windows.get(mm)
    this.#windows.delete(mm)
    this.#counts.delete(mm)
    if (window === undefined) return
    const { parent, child, parentBefore, childBefore } = window
    for (const fork of window.forks)
      this.#told.push([
        fork,
        parent.copies - parentBefore.copies,
        child.copies - childBefore.copies,
        child.early - childBefore.early,
        parent.pages - parentBefore.pages + child.pages - childBefore.pages,
      ])
  }

  #of(mm: number): Counts {
    let counts = this.#counts.get(mm)
    if (counts === undefined) {
      counts = { copies: 0, pages: 0, early: 0 }
      this.#counts.set(mm, counts)
    }
    return counts
  }

  /** Columns as `HOT_TABLES` has them: the copies that frames' rows tell and the other edges, in the order of time. */
  *#copiesOf(frames: Rows, edges: Rows): Generator<Copy, undefined> {
    const { values } = edges
    let edge = 0
    const edgesUntil = function* (this: ForkCosts, timeNs: number): Generator<Copy, undefined> {
      for (; edge < edges.rows * EDGE_WIDTH && values[edge + 6] <= timeNs; edge += EDGE_WIDTH) {
        const order = this.#orderIn(frames, values[edge + 3])
        yield { timeNs: values[edge + 6], kind: values[edge + 1], mm: values[edge + 4], order }
      }
    }.bind(this)
    for (let at = 0; at < frames.rows * FRAME_WIDTH; at += FRAME_WIDTH) {
      const row = frames.values
      if (Number.isNaN(row[at + 12])) continue
      const timeNs = row[at + 4]
      yield* edgesUntil(timeNs)
      const kind = row[at + 11] === Cause.ForkCopy ? EdgeKind.ForkCopy : EdgeKind.Copy
      yield { timeNs, kind, mm: row[at + 9], order: row[at + 2] }
    }
    yield* edgesUntil(Infinity)
  }

  #orderIn(frames: Rows, frame: number): number {
    const row = (frame - (frames.rows === 0 ? 0 : frames.values[0])) * FRAME_WIDTH
    const isHere = row >= 0 && row < frames.rows * FRAME_WIDTH && frames.values[row] === frame
    return isHere ? frames.values[row + 2] : (this.#orderOf.get(frame) ?? 0)
  }
}

function isBefore(copy: Copy, point: Point, isEnd: boolean): boolean {
  return copy.timeNs < point.timeNs || (isEnd && copy.timeNs === point.timeNs)
}

function pointOf(fact: RareFact): readonly Point[] {
  switch (fact.type) {
    case 'mm': {
      const { mm, parentMm, bornNs, bornBy } = fact.fact
      return bornBy === 'fork' ? [{ type: 'mm', timeNs: bornNs, mm, parentMm }] : []
    }
    case 'fork':
      return [{ type: 'fork', timeNs: fact.fact.timeNs, mm: fact.fact.childMm, parentMm: fact.fact.parentMm }]
    case 'mm-ended':
      return [{ type: 'end', timeNs: fact.timeNs, mm: fact.mm }]
    default:
      return []
  }
}

function storedPoints(db: Database.Database): readonly Point[] {
  const points = db.prepare<[], Point>(
    `SELECT 'mm' AS type, born_ns AS timeNs, mm, coalesce(parent_mm, 0) AS parentMm, 0 AS place, mm AS fork
     FROM mm WHERE born_by = 'fork'
     UNION ALL SELECT 'fork', at_ns, child_mm, parent_mm, 1, fork FROM fork
     UNION ALL SELECT 'end', ended_ns, mm, 0, 2, mm FROM mm WHERE ended_ns IS NOT NULL
     ORDER BY timeNs, place, fork`,
  )
  return points.all()
}

function storedCopies(db: Database.Database): Iterator<Copy> {
  const copies = db.prepare<[], Copy>(
    `SELECT e.at_ns AS timeNs, e.kind, e.mm, f.folio_order AS "order"
     FROM edge e JOIN frame f ON f.frame = e.to_frame ORDER BY e.at_ns`,
  )
  return copies.iterate()
}
