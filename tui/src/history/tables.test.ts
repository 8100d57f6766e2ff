import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameTable } from './frames.js'
import { SlotTable } from './slots.js'

const largest = (bits: number) =>
  fc.oneof(fc.nat(3), fc.constantFrom(2 ** 32 - 1, Math.min(2 ** 32, 2 ** bits - 1), 2 ** bits - 1))

test('what a slot is, it stays until it is set, whatever is set beside it', () => {
  const facts = fc.record({
    vpn: largest(44),
    order: fc.integer({ min: 0, max: 18 }),
    id: largest(43),
    fromNs: fc.oneof(largest(53), fc.double({ min: 0, max: 2 ** 64, noNaN: true })),
    frame: fc.constantFrom(0, 1, 2 ** 27 - 1),
    gaps: largest(32),
    protections: largest(32),
    cause: fc.nat(20),
    flags: fc.nat(7),
  })
  const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 7 })
  fc.assert(
    fc.property(fc.array(fc.tuple(facts, order), { minLength: 1, maxLength: 20 }), (all) => {
      const slots = new SlotTable()
      const rows = all.map(([fact, order], n) => {
        const row = slots.insert({ id: n + 1, firstBlock: -1, lastBlock: -1 }, fact.vpn, fact.order)
        const set = [
          () => {
            slots.setId(row, fact.id)
          },
          () => {
            slots.setFromNs(row, fact.fromNs)
          },
          () => {
            slots.setFrame(row, fact.frame)
          },
          () => {
            slots.setGaps(row, fact.gaps)
          },
          () => {
            slots.setProtections(row, fact.protections)
          },
          () => {
            slots.setCause(row, fact.cause)
          },
          () => {
            slots.setFlags(row, fact.flags)
          },
        ]
        for (const round of [order, [...order].reverse()]) for (const which of round) set[which]()
        return row
      })
      for (const [n, row] of rows.entries()) {
        const known = {
          vpn: slots.vpnOf(row),
          order: slots.orderOf(row),
          id: slots.idOf(row),
          fromNs: slots.fromNsOf(row),
          frame: slots.frameOf(row),
          gaps: slots.gapsOf(row),
          protections: slots.protectionsOf(row),
          cause: slots.causeOf(row),
          flags: slots.flagsOf(row),
        }
        expect(known).toEqual(all[n][0])
        expect(slots.mmOf(row)).toBe(n + 1)
      }
    }),
  )
})

test('slots are found as in a Map, by address space and page, and page numbers that cannot be are not', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(2), fc.oneof(fc.nat(60), fc.constantFrom(2 ** 32, 2 ** 44 - 1)))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const slots = new SlotTable()
      const mms = [7, 8, 2 ** 31].map((id) => ({ id, firstBlock: -1, lastBlock: -1 }))
      const model = new Map<string, number>()
      for (const [isInsert, which, vpn] of steps) {
        const mm = mms[which]
        const key = `${mm.id} ${vpn}`
        const row = model.get(key)
        expect(slots.find(mm.id, vpn)).toBe(row ?? -1)
        expect(slots.find(mm.id, vpn + 2 ** 45)).toBe(-1)
        if (isInsert && row === undefined) model.set(key, slots.insert(mm, vpn, 0))
        else if (!isInsert && row !== undefined) {
          slots.remove(row, mm)
          model.delete(key)
        }
        expect(slots.size).toBe(model.size)
      }
    }),
  )
})

test('what a frame is, it stays until it is set, whatever is set beside it', () => {
  const facts = fc.record({
    order: fc.nat(18),
    id: largest(42),
    firstSlot: fc.constantFrom(-1, 0, 2 ** 27),
    gaps: largest(32),
    kind: fc.nat(5),
    isBorn: fc.boolean(),
    isShared: fc.boolean(),
  })
  const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 7 })
  const pfns = fc.uniqueArray(largest(42), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(pfns, facts, order, (all, fact, order) => {
      const frames = new FrameTable()
      for (const pfn of all) {
        const row = frames.insert(pfn, 0)
        const set = [
          () => {
            frames.setOrder(row, fact.order)
          },
          () => {
            frames.setId(row, fact.id)
          },
          () => {
            frames.setFirstSlot(row, fact.firstSlot)
          },
          () => {
            frames.setGaps(row, fact.gaps)
          },
          () => {
            frames.setKind(row, fact.kind)
          },
          () => {
            frames.setBorn(row, fact.isBorn)
          },
          () => {
            frames.setShared(row, fact.isShared)
          },
        ]
        for (const round of [order, [...order].reverse()]) for (const which of round) set[which]()
      }
      for (const pfn of all) {
        const row = frames.find(pfn)
        expect(frames.pfnOf(row)).toBe(pfn)
        expect({
          order: frames.orderOf(row),
          id: frames.idOf(row),
          firstSlot: frames.firstSlotOf(row),
          gaps: frames.gapsOf(row),
          kind: frames.kindOf(row),
          isBorn: frames.isBorn(row),
          isShared: frames.isShared(row),
        }).toEqual(fact)
      }
      expect(frames.find(2 ** 42)).toBe(-1)
    }),
  )
})

test('frames that were removed are not found, and their rows are used again', () => {
  const frames = new FrameTable()
  const rows = [5, 6, 7].map((pfn) => frames.insert(pfn, 0))
  frames.remove(rows[1])
  expect([5, 6, 7].map((pfn) => frames.find(pfn))).toEqual([rows[0], -1, rows[2]])
  expect(frames.insert(9, 0)).toBe(rows[1])
  const told: number[] = []
  frames.forEach(0, 2 ** 20, (row) => told.push(frames.pfnOf(row)))
  expect(told).toEqual([5, 9, 7])
})
