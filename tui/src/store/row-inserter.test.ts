import Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowInserter, RowUpdater } from './row-inserter.js'

/** Ids up to the greatest that an INTEGER PRIMARY KEY and a double share. */
const ids = fc.uniqueArray(
  fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  { maxLength: 300 },
)

test('every row is inserted and every end set, in whatever order the ids come', () => {
  fc.assert(
    fc.property(ids, (given) => {
      const db = new Database(':memory:')
      db.exec('CREATE TABLE t (t INTEGER PRIMARY KEY, a INTEGER, b INTEGER) STRICT')
      const values = Float64Array.from(given.flatMap((id) => [id, NaN, id % 7]))
      new RowInserter(db, 't', ['t', 'a', 'b']).insert({ rows: given.length, values })
      const ends = Float64Array.from(given.flatMap((id) => [id % 5, id]))
      new RowUpdater(db, 't', ['a']).update({ rows: given.length, values: ends })
      const expected = [...given].sort((x, y) => x - y).map((id) => [id, id % 5, id % 7])
      expect(db.prepare('SELECT t, a, b FROM t ORDER BY t').raw().all()).toEqual(expected)
      db.close()
    }),
    { numRuns: 50 },
  )
})
