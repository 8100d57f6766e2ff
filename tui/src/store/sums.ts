import type Database from 'better-sqlite3'
import { ChunkCopies } from './copies.js'
import { dbText } from './files.js'
import { ForkCosts } from './fork-costs.js'
import { HeatSums, type Heat } from './heat-sums.js'
import type { Telling } from './hot-rows.js'
import { HOT_TABLES } from './hot-tables.js'
import type { Chunk } from './messages.js'
import { PageSums } from './page-sums.js'
import { SharedRows } from './shared-rows.js'

const FRAME_WIDTH = HOT_TABLES.frame.length
const MAPPING_WIDTH = HOT_TABLES.mapping.length

/** Sums up, chunk by chunk, what a sealed recording answers: reading all of it at the end takes longer than writing it. */
export class Sums {
  readonly #db: Database.Database
  /** What a bounded recording removes is not to be counted: there the rows that are left are summed at the end. */
  readonly #pages: PageSums | undefined
  readonly #heat = new HeatSums()
  readonly #forks: ForkCosts
  readonly #orderOf: Database.Statement<[number], number>
  readonly #insertHeat: Database.Statement<number[]>
  /** Rows that wait to be written. */
  #told: readonly Heat[] = []

  /** Takes up what the recording holds already. */
  constructor(db: Database.Database, telling: Telling) {
    this.#db = db
    this.#orderOf = db.prepare<[number], number>('SELECT folio_order FROM frame WHERE frame = ?').pluck()
    this.#insertHeat = db.prepare('INSERT INTO heat (mm, vpn, pages, from_s, copies) VALUES (?, ?, ?, ?, ?)')
    if (telling === 'whole') {
      this.#forks = new ForkCosts(db)
      return
    }
    const pages = (this.#pages = storedPages(db))
    this.#forks = new ForkCosts(db, {
      copied: (mm, vpn, timeNs, isOfFault) => {
        pages.copied(mm, vpn)
        if (isOfFault) this.#heat.copied(mm, vpn, timeNs)
      },
      ended: (mm) => {
        pages.ended(mm)
        this.#heat.ended(mm)
      },
    })
    this.#told = this.#heat.take()
  }

  /** Writes what is certain so far, within the caller's transaction. */
  write(): void {
    this.#forks.write()
    for (const { mm, vpn, lastVpn, fromS, copies } of this.#told)
      this.#insertHeat.run(mm, vpn, lastVpn - vpn + 1, fromS, copies)
  }

  /** A chunk that is in the database, and with it all that was written. */
  committed({ rare, rows, shared }: Chunk): void {
    const pages = this.#pages
    if (pages !== undefined) {
      const { frame, mapping } = rows
      for (let at = 0; at < frame.rows * FRAME_WIDTH; at += FRAME_WIDTH)
        if (!Number.isNaN(frame.values[at + 8])) pages.mapped(frame.values[at + 9], frame.values[at + 10], 1)
      for (let at = 0; at < mapping.rows * MAPPING_WIDTH; at += MAPPING_WIDTH)
        pages.mapped(mapping.values[at + 1], mapping.values[at + 2], 1)
      SharedRows.forEach(shared, (mm, vpn, count) => {
        pages.mapped(mm, vpn, count)
      })
    }
    const copies = new ChunkCopies(rows.frame, rows.other_edge, (frame) => this.#orderOf.get(frame) ?? 0)
    this.#forks.committed(rare, copies)
    this.#told = this.#heat.take()
  }

  /** The recording is indexed and no more comes. Writes all that is left, within the caller's transaction. */
  finish(): void {
    this.#forks.finish()
    if (this.#pages === undefined) {
      this.#db.exec(dbText('sums.sql'))
      return
    }
    this.#told = [...this.#told, ...this.#heat.finish()]
    this.write()
    this.#answerPages(this.#pages)
  }

  #answerPages(sums: PageSums): void {
    const { pages, hottest } = sums.finish()
    this.#db
      .prepare(
        `INSERT INTO sealed_total (name, total) VALUES ('pages', ?),
           ('copies', (SELECT count(*) FROM frame WHERE origin IS NOT NULL) + (SELECT count(*) FROM other_edge))`,
      )
      .run(pages)
    this.#db
      .prepare(
        `WITH hot (place, mm, vpn, copies) AS MATERIALIZED (
           SELECT key + 1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)
         ),
         copy (place, mm, vpn, copies, pages, at_ns) AS (
           SELECT h.*, 1 << f.folio_order, f.seen_ns
           FROM hot h CROSS JOIN frame f ON f.mm = h.mm AND f.vpn = h.vpn AND f.slot IS NOT NULL AND f.origin IS NOT NULL
           UNION ALL
           SELECT h.*, 1 << f.folio_order, e.at_ns
           FROM other_edge e CROSS JOIN hot h ON h.mm = e.mm AND h.vpn = e.vpn
           CROSS JOIN frame f ON f.frame = e.to_frame
         )
         INSERT INTO hot_page (place, mm, vpn, copies, pages, last_ns)
         SELECT place, mm, vpn, copies, sum(pages), max(at_ns) FROM copy GROUP BY place`,
      )
      .run(JSON.stringify(hottest))
  }
}

/** The pages of which a recording tells already. */
function storedPages(db: Database.Database): PageSums {
  const pages = new PageSums()
  const stored = db.prepare<[], { readonly mm: number; readonly vpn: number; readonly pages: number }>(
    `SELECT mm, vpn, 1 AS pages FROM frame WHERE slot IS NOT NULL
     UNION ALL SELECT mm, vpn, 1 FROM mapping UNION ALL SELECT mm, vpn, pages FROM shared`,
  )
  for (const { mm, vpn, pages: count } of stored.iterate()) pages.mapped(mm, vpn, count)
  return pages
}
