import Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowImage } from './row-image.js'

const COLUMNS = ['id', 'a', 'b', 'c'] as const
const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER, c INTEGER) STRICT'

function newDatabase(): Database.Database {
  const db = new Database(':memory:')
  db.exec(`${TABLE}; ${TABLE.replace('TABLE t', 'TABLE u')}`)
  return db
}

function rowsOf(rows: readonly (readonly (number | null)[])[]) {
  return { rows: rows.length, values: Float64Array.from(rows.flat().map((value) => value ?? NaN)) }
}

function stored(db: Database.Database, table: string): unknown {
  return db.prepare(`SELECT * FROM ${table} ORDER BY id`).raw().all()
}

const NOTHING = rowsOf([])
const value = fc.oneof(
  fc.integer({ min: -3, max: 300 }),
  fc.maxSafeInteger(),
  fc.constantFrom(
    ...[7, 15, 23, 31, 47].flatMap((bit) => [2 ** bit - 1, 2 ** bit, -(2 ** bit), -(2 ** bit) - 1]),
  ),
)
const row = fc.tuple(value, fc.option(value), fc.option(value))

test('any rows of whole numbers arrive as they were, chunk after chunk', () => {
  fc.assert(
    fc.property(fc.array(fc.array(row, { maxLength: 40 }), { maxLength: 4 }), (chunks) => {
      const db = newDatabase()
      const image = new RowImage(db, [
        ['t', COLUMNS],
        ['u', COLUMNS],
      ])
      let id = 0
      const all = chunks.map((chunk) => chunk.map((values) => [(id += 1 + (id % 3) * 1000), ...values]))
      for (const rows of all) {
        image.load([rowsOf(rows), NOTHING])
        db.transaction(() => {
          image.insert()
        })()
      }
      expect(stored(db, 't')).toEqual(all.flat())
      expect(stored(db, 'u')).toEqual([])
      image.close()
      db.close()
    }),
    { numRuns: 50 },
  )
})

test('more rows than a page holds hang on one root', () => {
  const db = newDatabase()
  const image = new RowImage(db, [
    ['t', COLUMNS],
    ['u', COLUMNS],
  ])
  const rows = Array.from({ length: 50_000 }, (_, i) => [i + 1, i * 1e10, null, i % 3 === 0 ? null : i % 2])
  image.load([rowsOf(rows.slice(0, 30_000)), rowsOf(rows)])
  image.insert()
  image.load([rowsOf(rows.slice(30_000)), NOTHING])
  image.insert()
  expect(stored(db, 't')).toEqual(rows)
  expect(stored(db, 'u')).toEqual(rows)
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(db.pragma('image.integrity_check', { simple: true })).toBe('ok')
})

test('rows that may be told twice take the place of those that are there, within the same transaction', () => {
  const db = newDatabase()
  const image = new RowImage(db, [
    ['t', COLUMNS, 'INSERT OR REPLACE'],
    ['u', COLUMNS],
  ])
  const [first, again, last] = [1, 2, 3].map((id) => [id, 10 * id, id, null])
  image.load([rowsOf([first, again]), NOTHING])
  image.insert()
  image.load([rowsOf([[2, 21, null, 1], last]), rowsOf([first])])
  db.transaction(() => {
    image.insert()
  })()
  expect(stored(db, 't')).toEqual([first, [2, 21, null, 1], last])
  expect(stored(db, 'u')).toEqual([first])
  image.load([NOTHING, rowsOf([first])])
  expect(() => {
    image.insert()
  }).toThrow(/UNIQUE constraint/)
})

test('what is no whole number, or no ascending id, is refused', () => {
  const db = newDatabase()
  const image = new RowImage(db, [['t', COLUMNS]])
  expect(() => {
    image.load([rowsOf([[1, 0.5, 0, 0]])])
  }).toThrow(RangeError)
  expect(() => {
    image.load([rowsOf([2, 1].map((id) => [id, 0, 0, 0]))])
  }).toThrow(RangeError)
})
