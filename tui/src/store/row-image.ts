import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ImageBuilder } from './image-builder.js'
import type { Rows } from './messages.js'
import type { Verb } from './row-inserter.js'

/**
 * Inserts rows of doubles by way of a file that is an SQLite database itself, written here and attached: SQLite copies rows
 * from table to table without looking into them (the transfer optimization of insert.c), while binding their values one by
 * one took most of the time of writing a recording.
 *
 * The file loses its name as soon as it is open: it is gone with the process, however that ends.
 */
export class RowImage {
  readonly #db: Database.Database
  readonly #file: number
  readonly #builder: ImageBuilder
  readonly #inserts: readonly (() => void)[]

  /** For tables of `db` whose columns are all whole numbers, the first the id. */
  constructor(
    db: Database.Database,
    tables: readonly (readonly [name: string, columns: readonly string[], verb?: Verb])[],
  ) {
    this.#db = db
    const sqlOf = db
      .prepare<[string], string>("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?")
      .pluck()
    this.#builder = new ImageBuilder(
      tables.map(([name, columns]) => ({ name, sql: sqlOf.get(name) ?? '', width: columns.length })),
    )
    const folder = mkdtempSync(join(tmpdir(), 'cowpath-rows-'))
    const path = join(folder, 'image.db')
    this.#file = openSync(path, 'wx+', 0o600)
    try {
      this.load(tables.map(() => ({ rows: 0, values: new Float64Array() })))
      db.prepare('ATTACH ? AS image').run(path)
      this.#inserts = tables.map(([name, , verb]) => insertOf(db, name, verb))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** Makes these the rows to insert, in the order of the tables. Never within a transaction, which would read the old ones. */
  load(rows: readonly Rows[]): void {
    const image = this.#builder.build(rows)
    for (let at = 0; at < image.length;) at += writeSync(this.#file, image, at, image.length - at, at)
  }

  insert(): void {
    for (const insert of this.#inserts) insert()
  }

  /** Not within a transaction. */
  close(): void {
    this.#db.exec('DETACH image')
    closeSync(this.#file)
  }
}

/** Rows that may be there are so only where a recording goes on: SQLite copies them unread as long as none is. */
function insertOf(db: Database.Database, table: string, verb: Verb = 'INSERT'): () => void {
  const statement = (wanted: Verb) => db.prepare(`${wanted} INTO main.${table} SELECT * FROM image.${table}`)
  const insert = statement('INSERT')
  if (verb === 'INSERT') return () => insert.run()
  const replace = statement(verb)
  return () => {
    try {
      insert.run()
    } catch (error) {
      if (!isTold(error)) throw error
      replace.run()
    }
  }
}

function isTold(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
}
