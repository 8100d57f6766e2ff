import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowIndex } from './row-index.js'

/** A table of one column that is its key; `spread` of 0 makes all hashes alike. */
function tableOf(spread: number) {
  const keys: (number | undefined)[] = []
  const hashOf = (key: number) => Math.imul(key, spread) | 0
  const index = new RowIndex((row) => hashOf(keys[row] ?? NaN))
  return {
    index,
    insert: (row: number, key: number) => {
      keys[row] = key
      index.insert(row, hashOf(key))
    },
    remove: (row: number) => {
      index.remove(row, hashOf(keys[row] ?? NaN))
      keys[row] = undefined
    },
    find: (key: number) => {
      let row = index.first(hashOf(key))
      while (row >= 0 && keys[row] !== key) row = index.next(hashOf(key))
      return row
    },
  }
}

const SPREADS = [0, 1, 0x0100_0000, 0x9e37_79b1, -1]

test('rows are found as in a Map, whatever was inserted and removed before, however bad the hashes', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(150)), { maxLength: 600 })
  fc.assert(
    fc.property(steps, fc.constantFrom(...SPREADS), fc.constantFrom(1, 300), (all, spread, rowsApart) => {
      const table = tableOf(spread)
      const model = new Map<number, number>()
      for (const [isInsert, key] of all) {
        const row = model.get(key)
        expect(table.find(key)).toBe(row ?? -1)
        if (isInsert && row === undefined) {
          table.insert(key * rowsApart, key)
          model.set(key, key * rowsApart)
        } else if (!isInsert && row !== undefined) {
          table.remove(row)
          model.delete(key)
        }
        expect(table.index.size).toBe(model.size)
      }
      for (let key = 0; key <= 150; key++) expect(table.find(key)).toBe(model.get(key) ?? -1)
    }),
  )
})

test('after it was cleared it has no row, and takes new ones', () => {
  const table = tableOf(0x9e37_79b1)
  for (let row = 0; row < 1000; row++) table.insert(row, row + 1)
  table.index.clear()
  expect([table.find(5), table.index.size]).toEqual([-1, 0])
  table.insert(7, 5)
  expect(table.find(5)).toBe(7)
})
