/** The writer's thread: owns the database, commits one chunk a transaction, answers when it is safe. */
import { parentPort, workerData } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { CowpathError } from '../model/failure.js'
import { BlockEncoder, CODEC_TWO_BROTLI } from './block.js'
import { columnsOver } from './columns.js'
import { explained, isDiskFull } from './format.js'
import { HOT_ENDS } from './hot-tables.js'
import type { Telling } from './hot-rows.js'
import { HotTableWriter } from './hot-table-writer.js'
import type { Chunk, FromWriter, OpenBlock, ToWriter } from './messages.js'
import { RareFactWriter } from './rare-facts.js'
import { isBounded, Retention, type Keep } from './retention.js'
import { RowUpdater } from './row-inserter.js'
import { SharedInserter } from './shared-rows.js'
import { Sums } from './sums.js'
import { lockToWrite } from './writer-lock.js'
import { openToWrite, seal, stateOf } from './writable.js'

const RETRY_MS = 500
/** How long the end of the recording waits for room on a full disk. */
const CLOSE_WAIT_MS = 5000

class Writer {
  readonly #db: Database.Database
  readonly #encoder = new BlockEncoder()
  readonly #rare: RareFactWriter
  readonly #hot: HotTableWriter
  readonly #frameEnds: RowUpdater
  readonly #shared: SharedInserter
  readonly #mappingEnds: RowUpdater
  readonly #pinEnds: RowUpdater
  readonly #sums: Sums
  readonly #block: Database.Statement
  readonly commit: (chunk: Chunk) => void

  constructor(db: Database.Database, keep: Keep, telling: Telling) {
    this.#db = db
    const retention = new Retention(db, keep)
    this.#rare = new RareFactWriter(db)
    this.#sums = new Sums(db, telling)
    this.#hot = new HotTableWriter(db)
    this.#shared = new SharedInserter(db)
    this.#frameEnds = new RowUpdater(db, 'frame', HOT_ENDS.frame)
    this.#mappingEnds = new RowUpdater(db, 'mapping', HOT_ENDS.mapping)
    this.#pinEnds = new RowUpdater(db, 'pin', HOT_ENDS.pin)
    this.#block = db.prepare(
      `INSERT INTO event_block (run, first_seq, last_seq, from_ns, until_ns, events, codec, data)
       VALUES (?, ?, ?, ?, ?, ?, ${CODEC_TWO_BROTLI}, ?)`,
    )
    const write = db.transaction((chunk: Chunk) => {
      for (const fact of chunk.rare) this.#rare.write(fact)
      this.#hot.insert(chunk.rows)
      this.#shared.insert(chunk.shared)
      this.#frameEnds.update(chunk.ends.frame)
      this.#mappingEnds.update(chunk.ends.mapping)
      this.#pinEnds.update(chunk.ends.pin)
      for (const block of chunk.blocks) this.#events(block)
      this.#sums.write()
      retention.step(Object.values(chunk.rows).reduce((sum, { rows }) => sum + rows, 0))
    })
    // What a failed statement would have to take back: each chunk changes pages all over `freed`. In a file of its own that
    // is a fifth of all that is written. Of a bounded recording retention has tables there, which this would drop.
    if (telling === 'short') db.pragma('temp_store = MEMORY')
    this.commit = (chunk) => {
      this.#hot.load(chunk.rows)
      write.immediate(chunk)
      this.#sums.committed(chunk)
    }
  }

  close(): string | undefined {
    let why: string | undefined
    this.#hot.close()
    try {
      seal(this.#db, () => {
        this.#sums.finish()
      })
    } catch (error) {
      if (!isDiskFull(error)) throw error
      why = 'there is no room for its indexes: it is whole, but slower to ask'
    }
    this.#db.close()
    return why
  }

  #events({ run, firstSeq, lastSeq, capacity, length, buffer }: OpenBlock): void {
    const events = columnsOver(buffer, capacity, length)
    let fromNs = length === 0 ? 0 : Infinity
    let untilNs = 0
    for (let i = 0; i < length; i++) {
      const time = events.timeNs[i]
      if (time < fromNs) fromNs = time
      if (time > untilNs) untilNs = time
    }
    this.#block.run(run, firstSeq, lastSeq, fromNs, untilNs, length, this.#encoder.encode(events))
  }
}

function main(path: string, keep: Keep, reply: (message: FromWriter) => void): (message: ToWriter) => void {
  const { db, telling } = openToWrite(path, isBounded(keep) ? 'whole' : 'short')
  const writer = new Writer(db, keep, telling)
  const queue: ToWriter[] = []
  let pausedSince: number | undefined
  let closingSince: number | undefined

  const work = () => {
    for (let next = queue.at(0); next !== undefined; next = queue.at(0)) {
      if (!handle(next)) {
        if (queue.at(-1)?.type === 'close') {
          closingSince ??= Date.now()
          if (Date.now() - closingSince > CLOSE_WAIT_MS) {
            db.close()
            throw new CowpathError({
              what: `the end of ${path} is missing`,
              why: 'the disk is full',
              todo: 'all that was acknowledged is in it; make room before the next recording',
            })
          }
        }
        setTimeout(guarded(work), RETRY_MS)
        return
      }
      queue.shift()
    }
  }

  /** False: the disk is full, try this message again. */
  const handle = (message: ToWriter): boolean => {
    if (message.type === 'close') {
      reply({ type: 'closed', why: writer.close() })
      parentPort?.close()
      return true
    }
    try {
      writer.commit(message)
    } catch (error) {
      if (!isDiskFull(error)) throw error
      if (pausedSince === undefined) {
        pausedSince = Date.now()
        reply({ type: 'paused', why: 'the disk is full' })
      }
      return false
    }
    if (pausedSince !== undefined) {
      reply({ type: 'resumed', pausedMs: Date.now() - pausedSince })
      pausedSince = undefined
    }
    reply({ type: 'committed', id: message.id })
    return true
  }

  const guarded = (step: () => void) => () => {
    try {
      step()
    } catch (error) {
      fail(error, path, reply)
    }
  }

  reply({ type: 'opened', state: { ...stateOf(db), telling } })
  return (message) => {
    queue.push(message)
    if (queue.length === 1) guarded(work)()
  }
}

function fail(error: unknown, path: string, reply: (message: FromWriter) => void): void {
  const told = explained(error, path)
  const parts =
    told instanceof CowpathError
      ? { what: told.what, why: told.why, todo: told.todo }
      : { what: `cannot write ${path}`, why: told instanceof Error ? told.message : String(told), todo: '' }
  reply({ type: 'failed', ...parts })
  parentPort?.close()
}

if (parentPort !== null) {
  const port = parentPort
  const reply = (message: FromWriter) => {
    port.postMessage(message)
  }
  const { path, keep } = workerData as { readonly path: string; readonly keep: Keep } // handed over by writer.ts
  try {
    await lockToWrite(path)
    port.on('message', main(path, keep, reply))
  } catch (error) {
    fail(error, path, reply)
  }
}
