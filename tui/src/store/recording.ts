import { closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import Database from 'better-sqlite3'
import type { EventColumns } from '../model/events.js'
import { CowpathError } from '../model/failure.js'
import { leftOutWords } from '../model/left-out.js'
import { decodeBlock } from './block.js'
import { DamagedBlock } from './packing.js'
import type { ColumnName } from './columns.js'
import { namedQuery } from './files.js'
import { explained, formatOf, migrate } from './format.js'

/** Values of the parameters of a named query; see the comment at its top. */
export type Parameters = Readonly<Record<string, string | number | null>>

/** What a question is about unless it says since or until when. */
const ANY_TIME: Parameters = { since_ns: null, until_ns: null }

/** Events of one block, as they were recorded. */
export interface RecordedEvents {
  readonly block: number
  readonly run: number
  readonly firstSeq: number
  readonly lastSeq: number
  /** The earliest and the latest of them. */
  readonly fromNs: number
  readonly untilNs: number
  readonly events: EventColumns
}

/** A page's family lies all over the file. */
const CACHE_KIB = 64 * 1024

interface BlockRow {
  readonly block: number
  readonly run: number
  readonly first_seq: number
  readonly last_seq: number
  readonly from_ns: number
  readonly until_ns: number
  readonly events: number
  readonly codec: number
  readonly data: Buffer
}

/** A recording to read: finished, cut off, or still being written. It is never changed. */
export class Recording {
  readonly path: string
  /** What a person should know before reading on: it was not closed, is a sample, or was read from a copy. */
  readonly remarks: readonly string[]
  readonly #db: Database.Database
  /** Named queries that were asked before: a page's history asks the same one for each of hundreds of frames. */
  readonly #asked = new Map<string, Database.Statement>()
  #blockAround: Database.Statement<[number, number], BlockRow> | undefined
  readonly #copy: string | undefined

  private constructor(
    path: string,
    db: Database.Database,
    remarks: readonly string[],
    copy: string | undefined,
  ) {
    this.path = path
    this.#db = db
    this.remarks = remarks
    this.#copy = copy
  }

  /** Throws a CowpathError for what is not a recording, is newer, or is damaged. */
  static open(path: string): Recording {
    checkMagic(path)
    const opened = openReadOnly(path)
    try {
      const sealed = explaining(path, () => {
        opened.db.pragma('query_only = ON')
        // Views and indexes of a hostile file call nothing that we have not asked for.
        opened.db.pragma('trusted_schema = OFF')
        opened.db.pragma('cell_size_check = ON')
        opened.db.pragma(`cache_size = -${CACHE_KIB}`)
        return opened.db.prepare<[], number>('SELECT sealed FROM recording').pluck().get()
      })
      if (sealed !== 1)
        opened.remarks.push(
          `${path} was not closed (or is being written): it has no indexes, answers are slower`,
        )
      opened.remarks.push(...explaining(path, () => leftOut(opened.db)).map((words) => `${path}: ${words}`))
      return new Recording(path, opened.db, opened.remarks, opened.copy)
    } catch (error) {
      opened.db.close()
      removeCopy(opened.copy)
      throw error
    }
  }

  close(): void {
    this.#db.close()
    removeCopy(this.#copy)
  }

  /** Rows of a query of db/queries. Throws a CowpathError where the file is damaged. */
  ask<Row>(query: string, parameters: Parameters): Row[] {
    return this.#explaining(() => {
      let statement = this.#asked.get(query)
      if (statement === undefined) {
        statement = this.#db.prepare(namedQuery(query))
        this.#asked.set(query, statement)
      }
      return statement.all({ ...ANY_TIME, ...parameters }) as Row[] // as the caller knows the query
    })
  }

  /** Rows of SQL of this room. Throws a CowpathError where the file is damaged. */
  select<Row>(sql: string, ...values: readonly number[]): Row[] {
    return this.#explaining(() => this.#db.prepare<number[], Row>(sql).all(...values))
  }

  /** Rows of SQL of this room as arrays, one after the other; integers are exact. Throws as {@link select}. */
  *rows(sql: string): Generator<(string | number | bigint)[], undefined> {
    const rows = this.#explaining(() =>
      this.#db.prepare<[], (string | number | bigint)[]>(sql).raw().safeIntegers().iterate(),
    )
    for (;;) {
      const next = this.#explaining(() => rows.next())
      if (next.done === true) return
      yield next.value
    }
  }

  /** The connection, for `cowpath sql`: read-only as it is. */
  get db(): Database.Database {
    return this.#db
  }

  /**
   * All events (of one run, or behind a block), in the order in which they were recorded. `only` leaves the other columns zero.
   */
  *events(only?: readonly ColumnName[], run?: number, after = 0): Generator<RecordedEvents> {
    const next = this.#explaining(() =>
      this.#db.prepare<[number, number | null], BlockRow>(
        'SELECT * FROM event_block WHERE block > ? AND run = coalesce(?, run) ORDER BY block LIMIT 1',
      ),
    )
    for (let block = after; ;) {
      const row = this.#explaining(() => next.get(block, run ?? null))
      if (row === undefined) return
      block = row.block
      yield this.#decoded(row, only)
    }
  }

  /** The events of the block in which event `seq` of a run is; undefined: it is in none. */
  eventsAround(run: number, seq: number, only?: readonly ColumnName[]): RecordedEvents | undefined {
    const row = this.#explaining(() => {
      this.#blockAround ??= this.#db.prepare(
        'SELECT * FROM event_block WHERE run = ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1',
      )
      return this.#blockAround.get(run, seq)
    })
    return row === undefined || row.last_seq < seq ? undefined : this.#decoded(row, only)
  }

  #decoded(row: BlockRow, only: readonly ColumnName[] | undefined): RecordedEvents {
    try {
      const events = decodeBlock(row.codec, row.events, row.data, only)
      return {
        block: row.block,
        run: row.run,
        firstSeq: row.first_seq,
        lastSeq: row.last_seq,
        fromNs: row.from_ns,
        untilNs: row.until_ns,
        events,
      }
    } catch (error) {
      if (!(error instanceof DamagedBlock)) throw error
      throw new CowpathError({
        what: `cannot read events of ${this.path}`,
        why: `block ${row.block} is damaged (${error.message})`,
        todo: '',
        cause: error,
      })
    }
  }

  #explaining<T>(step: () => T): T {
    return explaining(this.path, step)
  }
}

function explaining<T>(path: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw explained(error, path)
  }
}

const MAGIC = 'SQLite format 3\0'

/** Says what is wrong with a file that SQLite would only call "not a database". */
function checkMagic(path: string): void {
  const head = Buffer.alloc(MAGIC.length)
  let length = 0
  try {
    const file = openSync(path, 'r')
    try {
      length = readSync(file, head)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const why = REASONS[code] ?? code
    throw new CowpathError({
      what: `cannot read ${path}`,
      why,
      todo: 'name a file that cowpath record wrote',
      cause: error,
    })
  }
  if (length === 0)
    throw new CowpathError({
      what: `cannot read ${path}`,
      why: 'it is empty: nothing was recorded',
      todo: 'record again',
    })
  if (head.toString('latin1') !== MAGIC)
    throw new CowpathError({
      what: `cannot read ${path}`,
      why: 'it is not a database',
      todo: 'name a file that cowpath record wrote',
    })
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
}

interface Opened {
  readonly db: Database.Database
  readonly remarks: string[]
  readonly copy: string | undefined
}

function openReadOnly(path: string): Opened {
  let db: Database.Database | undefined
  try {
    db = new Database(path, { readonly: true })
    const format = formatOf(db, path)
    if (format === 'current') return { db, remarks: [], copy: undefined }
    db.close()
    if (format === 'empty')
      throw new CowpathError({
        what: `cannot read ${path}`,
        why: 'nothing was recorded in it',
        todo: 'record again',
      })
    return openCopy(path, format.older)
  } catch (error) {
    db?.close()
    // A recording that was cut off needs a place for the index of its WAL, which a read-only folder does not give.
    const isCutOff = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CANTOPEN')
    if (isCutOff && existsSync(path + '-wal')) return openCopy(path, undefined)
    throw explained(error, path)
  }
}

/** What the agents of its runs left out, each once. */
function leftOut(db: Database.Database): readonly string[] {
  const runs = db
    .prepare<[], { stacks: string; onePageIn: number }>(
      'SELECT DISTINCT stacks, one_page_in AS onePageIn FROM run',
    )
    .all()
  const words = runs.flatMap(({ stacks, onePageIn }) =>
    leftOutWords({ onePageIn, ...(stacks === 'none' || stacks === 'user' ? { stacks } : {}) }),
  )
  return [...new Set(words)]
}

/** Opens a copy of the recording, brought from schema `older` to ours where it is older. */
function openCopy(path: string, older: number | undefined): Opened {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-'))
  let db: Database.Database | undefined
  try {
    const copy = join(folder, basename(path))
    copyFileSync(path, copy)
    if (existsSync(path + '-wal')) copyFileSync(path + '-wal', copy + '-wal')
    db = new Database(copy)
    // Triggers and views of a hostile file call nothing while it is brought to our schema.
    db.pragma('trusted_schema = OFF')
    if (older !== undefined) migrate(db, older)
    const why =
      older === undefined ? 'its folder is read-only' : `an older cowpath wrote it (schema ${older})`
    return { db, remarks: [`${path} is read from a copy: ${why}`], copy: folder }
  } catch (error) {
    db?.close()
    removeCopy(folder)
    throw explained(error, path)
  }
}

function removeCopy(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
}
