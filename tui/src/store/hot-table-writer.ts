import type Database from 'better-sqlite3'
import { HOT_TABLES, type HotTable } from './hot-tables.js'
import type { Rows } from './messages.js'
import { RowImage } from './row-image.js'
import { RowInserter, type Verb } from './row-inserter.js'
import { sortedRows } from './sorted-rows.js'

/** Tables whose rows are many; `rate` has no id. */
const IMAGE_TABLES = ['frame', 'mapping', 'other_edge', 'pin', 'freed', 'ending'] as const

/**
 * Writes the rows of a chunk: by way of an image where one can be made, else one after the other. No folder for temporary
 * files, or no room in it, is no reason not to record.
 */
export class HotTableWriter {
  readonly #db: Database.Database
  readonly #image: RowImage | undefined
  readonly #inserters = new Map<HotTable, RowInserter>()
  #isLoaded = false

  constructor(db: Database.Database) {
    this.#db = db
    this.#image = imageOf(db)
  }

  /** To be called before the transaction in which {@link insert} is. */
  load(rows: Readonly<Record<HotTable, Rows>>): void {
    this.#isLoaded = false
    if (this.#image === undefined) return
    try {
      this.#image.load(
        IMAGE_TABLES.map((table) =>
          isToldAnyhow(table) ? sortedRows(rows[table], HOT_TABLES[table].length) : rows[table],
        ),
      )
      this.#isLoaded = true
    } catch {
      // The plain way has the last word on what is wrong with them.
    }
  }

  insert(rows: Readonly<Record<HotTable, Rows>>): void {
    if (this.#isLoaded) this.#image?.insert()
    else for (const table of IMAGE_TABLES) this.#inserter(table).insert(rows[table])
    this.#inserter('rate').insert(rows.rate)
  }

  close(): void {
    this.#image?.close()
  }

  #inserter(table: HotTable): RowInserter {
    let inserter = this.#inserters.get(table)
    if (inserter === undefined) {
      inserter = new RowInserter(this.#db, table, HOT_TABLES[table], verbOf(table))
      this.#inserters.set(table, inserter)
    }
    return inserter
  }
}

/** Whose rows come in another order than that of their ids; a recording that goes on may be told them twice. */
function isToldAnyhow(table: HotTable): boolean {
  return table === 'freed' || table === 'ending'
}

function verbOf(table: HotTable): Verb {
  return isToldAnyhow(table) ? 'INSERT OR REPLACE' : 'INSERT'
}

function imageOf(db: Database.Database): RowImage | undefined {
  try {
    return new RowImage(
      db,
      IMAGE_TABLES.map((table) => [table, HOT_TABLES[table], verbOf(table)] as const),
    )
  } catch {
    return undefined
  }
}
