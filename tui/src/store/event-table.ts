import type Database from 'better-sqlite3'
import { EVENT_COLUMNS } from './columns.js'
import type { Recording } from './recording.js'

/** Columns of the table `event`: the run, the words for kind and outcome are joined from `word`. */
export const EVENT_TABLE_COLUMNS: readonly string[] = ['run', ...EVENT_COLUMNS.map(({ sql }) => sql)]

/**
 * Makes the packed events an ordinary table `event` of `db`. They are read through `source`, another connection to
 * the same file: one that runs a query cannot run a second.
 */
export function registerEventTable(db: Database.Database, source: Recording): void {
  db.table('event', {
    columns: [...EVENT_TABLE_COLUMNS],
    *rows() {
      for (const { run, events } of source.events()) {
        const columns = EVENT_COLUMNS.map(({ name }) => events[name])
        for (let i = 0; i < events.length; i++) yield [run, ...columns.map((column) => integer(column[i]))]
      }
    },
  })
}

/** SQLite would get a number beyond 32 bits as REAL. */
function integer(value: number): number | bigint {
  return (value | 0) === value || !Number.isInteger(value) ? value : BigInt(value)
}
