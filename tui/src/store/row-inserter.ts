import type Database from 'better-sqlite3'
import type { Rows } from './messages.js'
import { orderOf } from './sorted-rows.js'

/** Rows a statement: fewer calls into SQLite; more than these gain nothing. */
const ROWS_A_STATEMENT = 50

/** `INSERT OR REPLACE` for rows that may be there. */
export type Verb = 'INSERT' | 'INSERT OR REPLACE'

/** Inserts rows of doubles into one table, many a statement. */
export class RowInserter {
  readonly #width: number
  readonly #many: Database.Statement<[number[]]>
  readonly #one: Database.Statement<[number[]]>
  readonly #manyValues: number[]
  readonly #oneValues: number[]

  constructor(db: Database.Database, table: string, columns: readonly string[], verb: Verb = 'INSERT') {
    this.#width = columns.length
    const row = `(${columns.map(() => '?').join(',')})`
    const insert = `${verb} INTO ${table} (${columns.join(',')}) VALUES `
    this.#many = db.prepare<[number[]]>(
      insert + Array.from({ length: ROWS_A_STATEMENT }, () => row).join(','),
    )
    this.#one = db.prepare<[number[]]>(insert + row)
    this.#manyValues = new Array<number>(this.#width * ROWS_A_STATEMENT).fill(0)
    this.#oneValues = new Array<number>(this.#width).fill(0)
  }

  insert({ rows, values }: Rows): void {
    const end = rows * this.#width
    let at = 0
    for (; at + this.#manyValues.length <= end; at += this.#manyValues.length)
      run(this.#many, this.#manyValues, values, at)
    for (; at < end; at += this.#width) run(this.#one, this.#oneValues, values, at)
  }
}

/** Sets columns of rows that are already there, by id. */
export class RowUpdater {
  readonly #statement: Database.Statement<[number[]]>
  readonly #values: number[]

  constructor(db: Database.Database, table: string, columns: readonly string[]) {
    const set = columns.map((column) => `${column} = ?`).join(', ')
    this.#statement = db.prepare<[number[]]>(`UPDATE ${table} SET ${set} WHERE rowid = ?`)
    this.#values = new Array<number>(columns.length + 1).fill(0)
  }

  /** In the order of the ids, so that each page of the table is touched once. */
  update(rows: Rows): void {
    const width = this.#values.length
    for (const row of orderOf(rows, width, width - 1))
      run(this.#statement, this.#values, rows.values, row * width)
  }
}

function run(
  statement: Database.Statement<[number[]]>,
  scratch: number[],
  values: Float64Array,
  at: number,
): void {
  for (let i = 0; i < scratch.length; i++) scratch[i] = values[at + i]
  statement.run(scratch)
}
