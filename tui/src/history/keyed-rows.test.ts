import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyedRows } from './keyed-rows.js'

test('rows are found as in a Map, whatever was inserted before, and none after they were cleared', () => {
  const step = fc.tuple(
    fc.nat(50).map((one) => one === 0),
    fc.nat(3),
    fc.oneof(fc.nat(40), fc.constantFrom(2 ** 36, 2 ** 48 - 2 ** 32 - 1, 2 ** 32 + 3)),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 500 }), (steps) => {
      const rows = new KeyedRows(8)
      const model = new Map<string, number>()
      for (const [isCleared, a, b] of steps) {
        const key = `${a}/${b}`
        const row = rows.find(a, b)
        expect(row).toBe(model.get(key) ?? -1)
        if (row < 0) model.set(key, rows.insert(a, b))
        if (!isCleared) continue
        rows.clear()
        model.clear()
      }
      expect(rows.size).toBe(model.size)
      for (const [key, row] of model) expect(`${rows.a(row)}/${rows.b(row)}`).toBe(key)
    }),
  )
})
