import Database from 'better-sqlite3'
import { CowpathError } from '../model/failure.js'
import { dbText } from './files.js'
import { explained, formatOf, migrate } from './format.js'
import type { Telling } from './hot-rows.js'
import type { RecordingState, RunState } from './messages.js'

/** Pages of 8 KiB: a packed block of events takes a handful, a small recording stays small. */
const PAGE_BYTES = 8192
const CACHE_KIB = 64 * 1024
/**
 * For the indexes: what does not fit is sorted by a thread of SQLite, while the next is read. With a larger cache nothing is; so little
 * is sorted within the processor's.
 */
const SEAL_CACHE_KIB = 2 * 1024
const SEAL_THREADS = 2
/** Pages of the WAL before it is copied back, 32 MiB: what is left of it is copied while the recording is sealed. */
const CHECKPOINT_PAGES = 4096

export interface OpenedToWrite {
  readonly db: Database.Database
  readonly telling: Telling
}

/**
 * Opens `path` to write: a new recording, or one that goes on. Its indexes are dropped until it is sealed again.
 * A recording of an older schema is refused: it is not changed without being asked. One of which something was removed
 * goes on `whole`, whatever is wanted.
 */
export function openToWrite(path: string, wanted: Telling): OpenedToWrite {
  let db: Database.Database | undefined
  try {
    db = new Database(path)
    const format = formatOf(db, path)
    if (typeof format === 'object')
      throw new CowpathError({
        what: `cannot go on with ${path}`,
        why: `an older cowpath wrote it (schema ${format.older})`,
        todo: 'record into another file; commands that read it still can',
      })
    if (format === 'empty') {
      db.pragma(`page_size = ${PAGE_BYTES}`)
      // What is removed from it leaves room, which `seal` gives back.
      if (wanted === 'whole') db.pragma('auto_vacuum = INCREMENTAL')
    }
    db.pragma('journal_mode = WAL')
    // A commit is in the page cache: it outlives this process. Only a power cut could take the last ones, whole.
    db.pragma('synchronous = NORMAL')
    db.pragma(`cache_size = -${CACHE_KIB}`)
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    if (format === 'empty') {
      create(db)
      return { db, telling: wanted }
    }
    const telling = isTrimmed(db) ? 'whole' : wanted
    unseal(db, telling)
    return { db, telling }
  } catch (error) {
    db?.close()
    throw explained(error, path)
  }
}

function create(db: Database.Database): void {
  migrate(db, 0)
  db.prepare('INSERT INTO recording (recording, created_wall_ms, sealed) VALUES (1, ?, 0)').run(Date.now())
}

function unseal(db: Database.Database, telling: Telling): void {
  db.transaction(() => {
    db.exec(dbText('unseal.sql'))
    if (telling === 'whole' && hasShortRows(db)) db.exec(dbText('whole.sql'))
    const names = db.prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'ix\\_%' ESCAPE '\\'",
    )
    for (const name of names.pluck().all()) db.exec(`DROP INDEX "${name}"`)
  }).immediate()
}

function isTrimmed(db: Database.Database): boolean {
  return db.prepare("SELECT 1 FROM gap WHERE reason = 'retention'").get() !== undefined
}

function hasShortRows(db: Database.Database): boolean {
  const short = db.prepare<[], number>(
    `SELECT EXISTS (SELECT 1 FROM frame WHERE slot IS NOT NULL) OR EXISTS (SELECT 1 FROM shared)
       OR EXISTS (SELECT 1 FROM ending) OR EXISTS (SELECT 1 FROM freed) OR EXISTS (SELECT 1 FROM mapping a JOIN mm m USING (mm)
                                                   WHERE a.until_ns IS NULL AND m.ended_ns IS NOT NULL)`,
  )
  return short.pluck().get() === 1
}

/** Builds the indexes, answers what would take reading all of it, and leaves one plain file, without a WAL beside it unless somebody still reads.
 * `answer` writes what the writer alone knows. */
export function seal(db: Database.Database, answer: () => void = () => undefined): void {
  const indexed = db.transaction(() => {
    db.exec(dbText('seal.sql'))
  })
  // The writer keeps temporary tables in memory; what an index sorts may be larger.
  db.pragma('temp_store = DEFAULT')
  db.pragma(`threads = ${SEAL_THREADS}`)
  db.pragma(`cache_size = -${SEAL_CACHE_KIB}`)
  try {
    indexed.immediate()
    db.pragma(`cache_size = -${CACHE_KIB}`)
  } catch {
    // There may be no folder for temporary files, or no room in it: what fits into memory needs none.
    db.pragma('threads = 0')
    db.pragma(`cache_size = -${CACHE_KIB}`)
    indexed.immediate()
  }
  db.transaction(() => {
    answer()
    db.exec('UPDATE recording SET sealed = 1, answered = 1')
  }).immediate()
  db.pragma('incremental_vacuum')
  try {
    db.pragma('journal_mode = DELETE')
  } catch {
    // Somebody reads it now: it stays a WAL database, which is as good.
  }
}

/** The last numbers that were given out to what has many rows. */
export interface LastNumbers {
  readonly lastFrame: number
  readonly lastSlot: number
  readonly lastEdge: number
  readonly lastPin: number
}

export function lastNumbersOf(db: Database.Database): LastNumbers {
  const number = (sql: string) => db.prepare<[], number | null>(sql).pluck().get() ?? 0
  return {
    lastFrame: number('SELECT max(frame) FROM frame'),
    lastSlot: Math.max(
      number('SELECT max(slot) FROM mapping'),
      number('SELECT max(slot + iif(slot_step > 0, pages - 1, 0)) FROM shared'),
      number('SELECT max(slot) FROM frame'),
    ),
    // Edges that frames' rows tell have no numbers: where none was removed, there are as many as were given out.
    lastEdge: Math.max(
      number('SELECT max(edge) FROM other_edge'),
      number(
        'SELECT (SELECT count(*) FROM other_edge) + (SELECT count(*) FROM frame WHERE origin IS NOT NULL)',
      ),
    ),
    lastPin: number('SELECT max(pin) FROM pin'),
  }
}

/** Where the recording ends. */
export function stateOf(db: Database.Database): Omit<RecordingState, 'telling'> {
  const last = (table: string) =>
    db.prepare<[], number | null>(`SELECT max(${table}) FROM ${table}`).pluck().get() ?? 0
  const runs = db.prepare<[], RunState>(
    `SELECT r.run, r.boot_id AS bootId,
            coalesce((SELECT max(b.last_seq) FROM event_block b WHERE b.run = r.run), 0) AS lastSeq
     FROM run r ORDER BY r.run`,
  )
  return {
    ...lastNumbersOf(db),
    lastMm: last('mm'),
    lastVma: last('vma'),
    lastFinding: last('finding'),
    forks: last('fork'),
    ratedEvents: db.prepare<[], number | null>('SELECT sum(events) FROM rate').pluck().get() ?? 0,
    runs: runs.all(),
    isTrimmed: isTrimmed(db),
  }
}
