/**
 * What people have today for the same events: lines of JSON as `bpftrace -f json` prints them, parsed and inserted row by
 * row; the sqlite3 program's .import of CSV; DuckDB's appender, by row and by column. Each from data in memory or on disk to
 * a closed file.
 *
 * Usage: node tui/dist/bench/peers.js [EVENTS]
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BIGINT, DuckDBDataChunk, DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import Database from 'better-sqlite3'
import type { EventColumns } from '../model/events.js'
import { record } from './record-workload.js'
import { printTable, type Row } from './table.js'
import { Workload, WORKLOAD_AGENT, type Batch } from './workload.js'

const COLUMNS = [
  ...['seq', 'timeNs', 'kind', 'outcome', 'order', 'cpu', 'tgid', 'tid', 'mm', 'otherMm', 'otherTgid', 'vpn'],
  ...[
    'pages',
    'oldPfn',
    'newPfn',
    'flags',
    'refcount',
    'mapcount',
    'pincount',
    'newRefcount',
    'stack',
    'aux',
  ],
] as readonly Exclude<keyof EventColumns, 'length'>[] // all of them, as they are named

const TABLE = `CREATE TABLE event (${COLUMNS.map((name) => `${sqlName(name)} BIGINT`).join(', ')})`
/** As a first version would, so that a page and a time can be asked for at all. */
const INDEXES = 'CREATE INDEX by_page ON event (mm, vpn, timens); CREATE INDEX by_time ON event (timens)'
/** Rows that DuckDB takes in one chunk. */
const CHUNK_ROWS = 2048

/** Words of SQL are no names of columns. */
function sqlName(name: string): string {
  return name === 'order' ? 'folioorder' : name.toLowerCase()
}

/** Prints nothing; every peer is asked for the number of its rows. */
export async function benchPeers(count: number): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  try {
    const items = makeBatches(count)
    const batches = items.map((item) => item.events)
    const events = batches.reduce((sum, batch) => sum + batch.length, 0)
    const at = (name: string) => join(folder, name)
    writeLines(at('events.json'), batches, (row) =>
      JSON.stringify(Object.fromEntries(COLUMNS.map((name, i) => [name, row[i]]))),
    )
    writeLines(at('events.csv'), batches, (row) => row.join(','))
    const rows: Row[] = []
    const stream = [{ type: 'started', agent: WORKLOAD_AGENT, nextSeq: 1 } as const, ...items]
    const measure = async (what: string, file: string, work: () => unknown) => {
      const began = process.hrtime.bigint()
      await work()
      const seconds = Number(process.hrtime.bigint() - began) / 1e9
      rows.push({
        what,
        figure: `${(events / seconds / 1e6).toFixed(3)} M/s`,
        beside: `${(statSync(file).size / events).toFixed(1)} B an event on disk`,
      })
    }
    await measure('cowpath: history, rules, facts, sealed file', at('cowpath.db'), () =>
      record(at('cowpath.db'), stream),
    )
    await measure('lines of JSON, parsed and inserted row by row', at('json.db'), () => {
      insertLines(at('events.json'), at('json.db'))
    })
    await measure('sqlite3 .import of CSV', at('csv.db'), () => {
      importCsv(at('events.csv'), at('csv.db'))
    })
    await measure('DuckDB appender, row by row', at('rows.duckdb'), () =>
      withDuckdb(at('rows.duckdb'), events, (connection) => appendRows(connection, batches)),
    )
    await measure('DuckDB appender, column by column', at('columns.duckdb'), () =>
      withDuckdb(at('columns.duckdb'), events, (connection) => appendColumns(connection, batches)),
    )
    return rows
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function makeBatches(count: number): readonly Batch[] {
  const workload = new Workload()
  const batches: Batch[] = []
  for (let made = 0; made < count; made += batches[batches.length - 1].events.length)
    batches.push(workload.next())
  return batches
}

function writeLines(
  path: string,
  batches: readonly EventColumns[],
  line: (row: readonly number[]) => string,
): void {
  const file = openSync(path, 'w')
  for (const events of batches) {
    const lines: string[] = []
    for (let i = 0; i < events.length; i++) lines.push(line(COLUMNS.map((name) => events[name][i])))
    writeSync(file, lines.join('\n') + '\n')
  }
  closeSync(file)
}

function insertLines(from: string, to: string): void {
  const db = new Database(to)
  db.pragma('journal_mode = WAL')
  db.exec(`${TABLE}; ${INDEXES}`)
  const insert = db.prepare<[Readonly<Record<string, number>>]>(
    `INSERT INTO event VALUES (${COLUMNS.map((name) => `:${name}`).join(', ')})`,
  )
  db.transaction(() => {
    for (const line of readFileSync(from, 'utf8').split('\n'))
      if (line !== '') insert.run(JSON.parse(line) as Readonly<Record<string, number>>) // as written above
  })()
  db.close()
}

function importCsv(from: string, to: string): void {
  execFileSync('sqlite3', [to, TABLE, '.mode csv', `.import ${from} event`, INDEXES])
}

async function withDuckdb(
  path: string,
  events: number,
  append: (connection: DuckDBConnection) => Promise<void>,
): Promise<void> {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  await connection.run(TABLE)
  await append(connection)
  await connection.run('CHECKPOINT')
  const [[rows]] = (await connection.runAndReadAll('SELECT count(*) FROM event')).getRows()
  if (Number(rows) !== events) throw new Error(`DuckDB has ${String(rows)} of ${events} events`)
  connection.closeSync()
  instance.closeSync()
}

async function appendRows(connection: DuckDBConnection, batches: readonly EventColumns[]): Promise<void> {
  const appender = await connection.createAppender('event')
  for (const events of batches)
    for (let i = 0; i < events.length; i++) {
      for (const name of COLUMNS) appender.appendBigInt(BigInt(events[name][i]))
      appender.endRow()
    }
  appender.closeSync()
}

async function appendColumns(connection: DuckDBConnection, batches: readonly EventColumns[]): Promise<void> {
  const appender = await connection.createAppender('event')
  const types = COLUMNS.map(() => BIGINT)
  for (let first = 0; first < batches.length; first += 2) {
    const pair = batches.slice(first, first + 2)
    const chunk = DuckDBDataChunk.create(types, CHUNK_ROWS)
    chunk.setColumns(COLUMNS.map((name) => pair.flatMap((events) => Array.from(events[name], BigInt))))
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  printTable('peers, the same events', await benchPeers(Number(process.argv[2] ?? 512_000)))
