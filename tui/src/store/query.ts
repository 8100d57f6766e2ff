import Database from 'better-sqlite3'
import { CowpathError } from '../model/failure.js'
import { EVENT_TABLE_COLUMNS, registerEventTable } from './event-table.js'
import { explained } from './format.js'
import { Recording } from './recording.js'

/** A value as SQLite holds it; integers beyond 2^53 stay exact. */
export type SqlValue = number | bigint | string | Buffer | null

export interface Answer {
  readonly columns: readonly string[]
  readonly rows: IterableIterator<SqlValue[]>
}

/** A table or view of a recording, for the list that `cowpath sql` prints. */
export interface TableInfo {
  readonly name: string
  readonly type: string
  readonly columns: readonly string[]
}

/** Free questions to a recording: any SELECT, nothing that changes or opens a file. */
export class QueryRunner {
  readonly recording: Recording
  readonly #events: Recording

  constructor(path: string) {
    this.recording = Recording.open(path)
    try {
      this.#events = Recording.open(path)
    } catch (error) {
      this.recording.close()
      throw error
    }
    registerEventTable(this.recording.db, this.#events)
  }

  close(): void {
    this.recording.close()
    this.#events.close()
  }

  /** Tables and views, `event` among them. */
  tables(): readonly TableInfo[] {
    return this.#explaining(() => {
      const names = this.recording.db.prepare<[], { name: string; type: string }>(
        "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY type, name",
      )
      const columns = this.recording.db
        .prepare<[string], string>('SELECT name FROM pragma_table_info(?)')
        .pluck()
      return [
        { name: 'event', type: 'events', columns: EVENT_TABLE_COLUMNS },
        ...names.all().map(({ name, type }) => ({ name, type, columns: columns.all(name) })),
      ]
    })
  }

  /** Throws a CowpathError for what is no single SELECT (or the like), or does not parse. */
  run(sql: string): Answer {
    return this.#explaining(() => {
      const statement = this.recording.db.prepare<[], SqlValue[]>(sql)
      // ATTACH and VACUUM INTO change no table of ours, but return no rows either.
      if (!statement.reader || !statement.readonly)
        throw refused(
          'it would change or open something',
          'ask with SELECT, or copy the file and use sqlite3',
        )
      const columns = statement.columns().map(({ name }) => name)
      return { columns, rows: this.#rows(statement.raw().safeIntegers().iterate()) }
    })
  }

  *#rows(rows: IterableIterator<SqlValue[]>): Generator<SqlValue[], undefined> {
    for (;;) {
      const next = this.#explaining(() => rows.next())
      if (next.done === true) return
      yield next.value.map(smallest)
    }
  }

  #explaining<T>(step: () => T): T {
    try {
      return step()
    } catch (error) {
      if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR')
        throw refused(error.message, SEE_TABLES)
      // better-sqlite3's own words: no statement, more than one, a parameter without a value.
      if (error instanceof RangeError || error instanceof TypeError) throw refused(error.message, SEE_TABLES)
      throw explained(error, this.recording.path)
    }
  }
}

const SEE_TABLES = 'list the tables with: cowpath sql FILE'

function refused(why: string, todo: string): CowpathError {
  return new CowpathError({
    what: 'cannot run this query',
    why: why.replace(/\s+/g, ' ').replace(/\.$/, ''),
    todo,
  })
}

function smallest(value: SqlValue): SqlValue {
  if (typeof value !== 'bigint') return value
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}
