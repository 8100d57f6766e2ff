import Database from 'better-sqlite3'
import { afterEach, expect, test, vi } from 'vitest'
import { migrate } from './format.js'
import { HOT_TABLES, type HotTable } from './hot-tables.js'
import { HotTableWriter } from './hot-table-writer.js'
import type { Rows } from './messages.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** Rows of every table, with these ids; the other values are small numbers. */
function rowsWith(ids: readonly number[]): Readonly<Record<HotTable, Rows>> {
  const of = (table: HotTable): Rows => ({
    rows: ids.length,
    values: Float64Array.from(
      ids.flatMap((id) => HOT_TABLES[table].map((_, i) => (i === 0 ? id : i + (id % 5)))),
    ),
  })
  return {
    frame: of('frame'),
    mapping: of('mapping'),
    other_edge: of('other_edge'),
    pin: of('pin'),
    ending: of('ending'),
    freed: of('freed'),
    rate: of('rate'),
  }
}

/** What is stored of these chunks. */
function stored(chunks: readonly (readonly number[])[]): object {
  const db = new Database(':memory:')
  migrate(db, 0)
  const writer = new HotTableWriter(db)
  const insert = db.transaction((ids: readonly number[]) => {
    writer.insert(rowsWith(ids))
  })
  for (const ids of chunks) {
    writer.load(rowsWith(ids))
    insert(ids)
  }
  writer.close()
  const all = Object.keys(HOT_TABLES).map((table) => [
    table,
    db.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all(),
  ])
  db.close()
  return Object.fromEntries(all) as object
}

const CHUNKS = [Array.from({ length: 120 }, (_, i) => i + 1), [200, 201, 207]]

test('without a folder for temporary files the same rows are written, one after the other', () => {
  const byImage = stored(CHUNKS)
  expect(byImage).toMatchObject({ frame: { length: 123 }, mapping: { length: 123 }, ending: { length: 123 } })
  vi.stubEnv('TMPDIR', '/nowhere/at/all')
  expect(stored(CHUNKS)).toEqual(byImage)
})

test('rows of which no image can be made are written one after the other', () => {
  const [first, second] = CHUNKS
  expect(stored([first, [...second].reverse()])).toEqual(stored([first, second]))
})
