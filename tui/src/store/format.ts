import Database from 'better-sqlite3'
import { CowpathError } from '../model/failure.js'
import { migrations } from './files.js'

/** `PRAGMA application_id` of a recording: 'cowp'. */
export const APPLICATION_ID = 0x636f7770

/** `PRAGMA user_version` that this program writes and reads. */
export const SCHEMA_VERSION = 9

/** What a database says that it is. */
export type Format = 'empty' | 'current' | { readonly older: number }

/** Reads the header of an open database. Throws a CowpathError where the file is damaged, not ours, or newer. */
export function formatOf(db: Database.Database, path: string): Format {
  const id = numberPragma(db, 'application_id')
  const version = numberPragma(db, 'user_version')
  const tables = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM sqlite_schema').get()?.n ?? 0
  if (id === 0 && version === 0 && tables === 0) return 'empty'
  if (id !== APPLICATION_ID)
    throw new CowpathError({
      what: `cannot use ${path}`,
      why: 'it is an SQLite database, but not a recording of cowpath',
      todo: 'name a file that cowpath record wrote',
    })
  if (version > SCHEMA_VERSION)
    throw new CowpathError({
      what: `cannot use ${path}`,
      why: `a newer cowpath wrote it (schema ${version}, this one knows ${SCHEMA_VERSION})`,
      todo: 'use that newer cowpath',
    })
  return version === SCHEMA_VERSION ? 'current' : { older: version }
}

/** Brings a database from schema `from` (0: empty) to this program's, all or nothing. */
export function migrate(db: Database.Database, from: number): void {
  db.transaction(() => {
    for (const sql of migrations().slice(from)) db.exec(sql)
  }).exclusive()
}

function numberPragma(db: Database.Database, name: string): number {
  return Number(db.pragma(name, { simple: true }))
}

/** An error of SQLite about `path` as a line for people; any other error as it is. */
export function explained(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  const { why, todo } = reason(error)
  return new CowpathError({ what: `cannot use ${path}`, why, todo, cause: error })
}

function reason(error: InstanceType<typeof Database.SqliteError>): {
  readonly why: string
  readonly todo: string
} {
  if (error.code === 'SQLITE_NOTADB')
    return { why: 'it is not a database', todo: 'name a file that cowpath record wrote' }
  if (error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_IOERR_SHORT'))
    return { why: `it is damaged (${firstWords(error.message)})`, todo: 'try: sqlite3 FILE .recover' }
  if (error.code.startsWith('SQLITE_CANTOPEN'))
    return { why: 'it cannot be opened', todo: 'check that it exists and may be read' }
  if (error.code.startsWith('SQLITE_BUSY'))
    return { why: 'another program has locked it', todo: 'try again when that one is done' }
  if (isDiskFull(error)) return { why: 'the disk is full', todo: 'make room' }
  return { why: `${firstWords(error.message)} (${error.code})`, todo: '' }
}

/** SQLite quotes whole definitions of a damaged schema. */
function firstWords(message: string): string {
  const line = message.split('\n', 1)[0]
  return line.length <= 120 ? line : `${line.slice(0, 120)}..`
}

/** No room for what was to be written; it may be written again when there is. */
export function isDiskFull(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    (error.code === 'SQLITE_FULL' || error.code === 'SQLITE_IOERR_WRITE')
  )
}
