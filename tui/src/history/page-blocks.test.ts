import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PageBlocks } from './page-blocks.js'

const PAGES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 46 + 2, 2 ** 48 - 1]
const page = fc.oneof(fc.nat(300), fc.constantFrom(...PAGES))
const steps = fc.array(fc.tuple(fc.integer({ min: -2, max: 3 }), fc.nat(2), page), {
  maxLength: 600,
  size: 'max',
})

/** Rows as a `Map` has them, by owner and page; each holds its number in its words. */
function filled(all: readonly (readonly [number, number, number])[]) {
  const blocks = new PageBlocks(4)
  const owners = [7, 8, 2 ** 31].map((id) => ({ id, firstRegion: -1 }))
  const model = owners.map(() => new Map<number, number>())
  for (const [isInsert, which, page] of all) {
    const row = blocks.find(owners[which].id, page)
    expect(row).toBe(model[which].get(page) ?? -1)
    if (isInsert >= 0 && row < 0) {
      const inserted = blocks.insert(owners[which], page)
      blocks.wordsOf(inserted).fill(inserted, blocks.at(inserted), blocks.at(inserted) + 4)
      model[which].set(page, inserted)
    } else if (isInsert < 0 && row >= 0) {
      blocks.remove(row, owners[which])
      model[which].delete(page)
    }
  }
  return { blocks, owners, model }
}

test('rows are found as in a Map, with what was put into them, whatever was inserted and removed before', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const { blocks, owners, model } = filled(all)
      expect(blocks.size).toBe(model.reduce((sum, { size }) => sum + size, 0))
      for (const [which, rows] of model.entries())
        for (const [page, row] of rows) {
          expect(blocks.find(owners[which].id, page)).toBe(row)
          expect(blocks.pageOf(row)).toBe(page)
          expect(blocks.ownerOf(row)).toBe(owners[which].id)
          expect(blocks.isLive(row)).toBe(true)
          const at = blocks.at(row)
          expect([...blocks.wordsOf(row).subarray(at, at + 4)]).toEqual([row, row, row, row])
        }
    }),
  )
})

test('an owner’s rows are told, all or those of a range, and may be removed while they are', () => {
  fc.assert(
    fc.property(steps, page, fc.nat(200), fc.nat(2), (all, from, count, which) => {
      const { blocks, owners, model } = filled(all)
      const told: number[] = []
      blocks.forEachIn(owners[which].id, from, count, (row) => {
        told.push(blocks.pageOf(row))
        if (row % 2 === 0) blocks.remove(row, owners[which])
      })
      const isInRange = (page: number) => page >= from && page < from + count
      expect(told).toEqual([...model[which].keys()].filter(isInRange).sort((a, b) => a - b))
      const left = [...model[which]].filter(([page, row]) => !isInRange(page) || row % 2 === 1)
      const rows = new Set<number>()
      blocks.forEachOf(owners[which], (row) => {
        rows.add(row)
        blocks.remove(row, owners[which])
      })
      expect(rows).toEqual(new Set(left.map(([, row]) => row)))
      expect(owners[which].firstRegion).toBe(-1)
      for (const [other, { id }] of owners.entries())
        for (const page of model[other].keys()) expect(blocks.find(id, page) >= 0).toBe(other !== which)
    }),
  )
})

test('a number that no page has is found nowhere', () => {
  const blocks = new PageBlocks(1)
  blocks.insert({ id: 0, firstRegion: -1 }, 0)
  for (const page of [2 ** 48, 2 ** 64, Infinity, NaN]) expect(blocks.find(0, page)).toBe(-1)
  expect(blocks.find(0, 0)).toBe(0)
})

test('a round meets every row', () => {
  const { blocks, model } = filled([0, 5, 9, 300].map((page) => [0, 1, page] as const))
  const met = Array.from({ length: 4 }, () => blocks.nextInRound())
  expect(new Set(met)).toEqual(new Set(model[1].values()))
})

test('blocks that went empty are used again', () => {
  const blocks = new PageBlocks(1)
  const owner = { id: 1, firstRegion: -1 }
  for (let page = 0; page < 10_000; page += 10) blocks.remove(blocks.insert(owner, page), owner)
  expect([blocks.end, blocks.size, blocks.blocks]).toEqual([4, 0, 0])
})
