import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MmRows, type RowOwner } from './mm-rows.js'

const owners = (): RowOwner[] => [1, 2, 3].map((id) => ({ id, firstBlock: -1, lastBlock: -1 }))

test('each owner has the rows that it took and did not give back, and no row has two', () => {
  const step = fc.tuple(fc.nat(2), fc.integer({ min: -40, max: 40 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rows = new MmRows()
      const mms = owners()
      const model = mms.map(() => new Set<number>())
      for (const [which, count] of steps) {
        const owner = mms[which]
        const mine = model[which]
        for (let n = 0; n < count; n++) {
          const row = rows.take(owner)
          expect(model.some((held) => held.has(row))).toBe(false)
          mine.add(row)
        }
        for (const row of [...mine].slice(0, Math.max(0, -count))) {
          rows.giveBack(row, owner)
          mine.delete(row)
        }
        for (const [i, held] of model.entries()) {
          const told: number[] = []
          rows.forEachOf(mms[i], (row) => told.push(row))
          expect(told.sort((a, b) => a - b)).toEqual([...held].sort((a, b) => a - b))
          for (const row of held) expect(rows.ownerOf(row)).toBe(mms[i].id)
          expect(rows.anyOf(mms[i])).toSatisfy((row: number) =>
            held.size === 0 ? row === -1 : held.has(row),
          )
        }
      }
    }),
  )
})

test('an owner may give back its rows one after the other while it is told of them', () => {
  const rows = new MmRows()
  const [owner, other] = owners()
  for (let n = 0; n < 100; n++) for (const one of [owner, other]) rows.take(one)
  let told = 0
  rows.forEachOf(owner, (row) => {
    told++
    rows.giveBack(row, owner)
  })
  expect([told, rows.anyOf(owner)]).toEqual([100, -1])
  rows.forEachOf(other, () => told++)
  expect(told).toBe(200)
})

test('blocks that are given back are used again, and a round meets every row once', () => {
  const rows = new MmRows()
  const [owner, other] = owners()
  const taken = Array.from({ length: 64 }, () => rows.take(owner))
  for (const row of taken) rows.giveBack(row, owner)
  const again = Array.from({ length: 64 }, () => rows.take(other))
  expect(rows.end).toBe(64)
  const round = Array.from({ length: 64 }, () => rows.nextInRound())
  expect(new Set(round)).toEqual(new Set(again))
})
