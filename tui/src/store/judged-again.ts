import Database from 'better-sqlite3'
import type { Finding, RuleCount } from '../model/finding.js'
import { namedQuery } from './files.js'
import { explained, migrate } from './format.js'
import { RareFactWriter } from './rare-facts.js'
import type { Parameters, Recording } from './recording.js'

/** Tables that say whose an address space is and what a stack is called. */
const NAMES = ['host', 'run', 'mm', 'fork', 'process', 'stack'] as const

/**
 * What another judge finds in a recording, in memory beside it: the named questions about findings answer as they do for
 * a recording. The recording itself is never changed.
 */
export class JudgedAgain {
  readonly #db = new Database(':memory:')
  readonly #facts: RareFactWriter

  /** Copies the names of the recording. Throws a CowpathError where it is damaged. */
  constructor(recording: Recording) {
    migrate(this.#db, 0)
    // A damaged recording may name what it does not hold.
    this.#db.pragma('foreign_keys = OFF')
    try {
      for (const table of NAMES) this.#copy(recording, table)
    } catch (error) {
      this.#db.close()
      throw explained(error, recording.path)
    }
    this.#facts = new RareFactWriter(this.#db)
  }

  /** The last word about a finding stays. */
  finding(finding: Finding): void {
    this.#facts.write({ type: 'finding', finding })
  }

  ruleCounts(run: number, counts: readonly RuleCount[]): void {
    this.#facts.write({ type: 'rule-counts', run, counts })
  }

  /** Rows of a query of db/queries that asks about findings. */
  ask<Row>(query: string, parameters: Parameters): Row[] {
    return this.#db.prepare<[Parameters], Row>(namedQuery(query)).all(parameters)
  }

  close(): void {
    this.#db.close()
  }

  #copy(recording: Recording, table: (typeof NAMES)[number]): void {
    const columns = this.#db
      .prepare<[string], string>('SELECT name FROM pragma_table_info(?)')
      .pluck()
      .all(table)
    const insert = this.#db.prepare<(string | number | bigint)[]>(
      `INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
    this.#db.transaction(() => {
      for (const row of recording.rows(`SELECT ${columns.join(', ')} FROM ${table}`)) insert.run(...row)
    })()
  }
}
