import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { EventColumns } from '../model/events.js'

const COLUMNS = ['timeNs', 'vpn', 'oldPfn', 'newPfn', 'kind', 'outcome', 'tgid', 'mm'] as const
/** As many as make a transaction worth its while. */
const EVENTS_A_MESSAGE = 10_240

const WORKER = `
const { parentPort, workerData } = require('node:worker_threads')
const Database = require(workerData.module)
const db = new Database(workerData.path)
db.pragma('journal_mode = WAL'); db.pragma('synchronous = NORMAL'); db.pragma('cache_size = -65536')
db.exec('CREATE TABLE e (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, g INTEGER, h INTEGER)')
const insert = db.prepare('INSERT INTO e VALUES (?,?,?,?,?,?,?,?)')
const batch = db.transaction((columns, n) => {
  const [a, b, c, d, e, f, g, h] = columns
  for (let i = 0; i < n; i++) insert.run(a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i])
})
parentPort.on('message', (m) => {
  if (m === 'end') { db.pragma('wal_checkpoint(TRUNCATE)'); db.close(); parentPort.close(); return }
  batch(m.columns, m.n)
})`

/** The ceiling of a recorder: eight columns an event into one table without an index, by a worker. */
export class RawInserter {
  readonly #worker: Worker
  #columns: readonly Float64Array[] = newColumns()
  #filled = 0

  constructor(path: string) {
    const module = new URL(import.meta.resolve('better-sqlite3')).pathname
    this.#worker = new Worker(WORKER, { eval: true, workerData: { path, module } })
  }

  /** At most {@link EVENTS_A_MESSAGE}. */
  add(events: EventColumns): void {
    if (this.#filled + events.length > EVENTS_A_MESSAGE) this.#send()
    COLUMNS.forEach((name, column) => {
      this.#columns[column].set(events[name], this.#filled)
    })
    this.#filled += events.length
  }

  async close(): Promise<void> {
    this.#send()
    const ended = once(this.#worker, 'exit')
    this.#worker.postMessage('end')
    await ended
  }

  #send(): void {
    const columns = this.#columns
    this.#worker.postMessage(
      { columns, n: this.#filled },
      columns.map(({ buffer }) => buffer as ArrayBuffer), // ours, not shared
    )
    this.#columns = newColumns()
    this.#filled = 0
  }
}

function newColumns(): readonly Float64Array[] {
  return COLUMNS.map(() => new Float64Array(EVENTS_A_MESSAGE))
}
