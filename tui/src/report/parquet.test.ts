import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Recording } from '../store/recording.js'
import { writePinnedRecording } from '../store/testing/pinned-recording.js'
import { EXPORTS, type Exported } from './exported.js'
import { jsonLines } from './json-lines.js'
import { parquet } from './parquet.js'

type Row = Readonly<Record<string, unknown>>

let folder: string
let recording: Recording

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'pinned.db')
  await writePinnedRecording(path)
  recording = Recording.open(path)
})

afterAll(() => {
  recording.close()
  rmSync(folder, { recursive: true })
})

/** What DuckDB reads. */
async function rowsOf(what: Exported): Promise<readonly Row[]> {
  const file = join(folder, `${what}.parquet`)
  writeFileSync(file, Buffer.concat([...parquet(recording, what)]))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(`SELECT * FROM '${file}'`)
  connection.closeSync()
  instance.closeSync()
  return reader
    .getRowObjects()
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])))
}

/** DuckDB's 64-bit integers as numbers, where those hold them. */
function plain(value: unknown): unknown {
  return typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : value
}

/** Events carry the number of a page, as the table `event` does, where JSON Lines tell its address. */
function told(what: Exported, line: string): Row {
  const row = JSON.parse(line) as Record<string, unknown>
  if (what !== 'events') return row
  const { address, ...rest } = row
  return { ...rest, vpn: Number(address) / 4096 }
}

test.each(EXPORTS)('another program reads of %s in Parquet what the JSON Lines tell', async (what) => {
  const rows = await rowsOf(what)
  const lines = [...jsonLines(recording, what)].map((line) => told(what, line))
  expect(rows).toEqual(lines)
  expect(rows.length).toBe({ events: 6, pins: 5, findings: 3, copies: 2, forks: 1, gaps: 0 }[what])
})
