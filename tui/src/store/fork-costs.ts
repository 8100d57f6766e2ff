import type Database from 'better-sqlite3'
import { EdgeKind } from '../model/facts.js'
import { type Copies, StoredCopies } from './copies.js'
import type { RareFact } from './messages.js'

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

/** Told of what is gone through, in the order of time. */
export interface CopyListener {
  /** `isOfFault`: not what moved a page without anybody having written to it. */
  copied(mm: number, vpn: number, timeNs: number, isOfFault: boolean): void
  /** No more is copied for it. */
  ended(mm: number): void
}

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
  readonly #listener: CopyListener | undefined
  /** Rows that wait to be written. */
  #told: (readonly [number, number, number, number, number])[] = []
  #forks = 0

  /** Takes up what the recording holds already; `listener` is told that, too. */
  constructor(db: Database.Database, listener?: CopyListener) {
    this.#listener = listener
    this.#insert = db.prepare('INSERT OR REPLACE INTO fork_cost VALUES (?, ?, ?, ?, ?)')
    this.#merge(storedPoints(db), new StoredCopies(db))
  }

  /** Writes what was concluded so far, within the caller's transaction. */
  write(): void {
    for (const row of this.#told) this.#insert.run(...row)
  }

  /** The facts of a chunk that is in the database, and with it all that was written. */
  committed(rare: readonly RareFact[], copies: Copies): void {
    this.#told = []
    this.#merge(rare.flatMap(pointOf), copies)
  }

  /** The recording is being closed: windows that are open end here. Writes, within the caller's transaction. */
  finish(): void {
    for (const mm of this.#windows.keys()) this.#end(mm)
    this.write()
  }

  /** Both in the order of time; what opens a window comes before a copy of the same moment, what closes it after. */
  #merge(points: Iterable<Point>, copies: Copies): void {
    for (const point of points) {
      const isEnd = point.type === 'end'
      while (isEnd ? copies.timeNs <= point.timeNs : copies.timeNs < point.timeNs) this.#copied(copies)
      if (isEnd) this.#end(point.mm)
      else this.#begin(point)
    }
    while (copies.timeNs < Infinity) this.#copied(copies)
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

  #copied(copies: Copies): void {
    const { kind, mm, vpn, order, timeNs } = copies
    copies.next()
    const isOfFault = kind === EdgeKind.Copy || kind === EdgeKind.Unshare || kind === EdgeKind.ForkCopy
    this.#listener?.copied(mm, vpn, timeNs, isOfFault)
    if (!isOfFault) return
    const counts = this.#of(mm)
    counts.copies++
    counts.pages += order <= 0 ? 1 : 2 ** Math.min(order, LARGEST_ORDER)
    if (kind === EdgeKind.ForkCopy) counts.early++
  }

  #end(mm: number): void {
    this.#listener?.ended(mm)
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
