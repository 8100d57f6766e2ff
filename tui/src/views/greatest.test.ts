import fc from 'fast-check'
import { expect, test } from 'vitest'
import { greatest } from './greatest.js'

test('it is what sorting all of them and cutting gives', () => {
  const falling = (a: readonly number[], b: readonly number[]) => b[0] - a[0] || a[1] - b[1]
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.nat({ max: 60 }), (values, limit) => {
      const rows = values.map((value, index) => [value, index] as const)
      expect(greatest(rows, limit, falling)).toEqual([...rows].sort(falling).slice(0, limit))
    }),
  )
})
