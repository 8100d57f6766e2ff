import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameTable } from './frames.js'
import { SlotLinks } from './slot-links.js'
import { SlotTable } from './slots.js'

const largest = (bits: number) =>
  fc.oneof(fc.nat(3), fc.constantFrom(2 ** 32 - 1, Math.min(2 ** 32, 2 ** bits - 1), 2 ** bits - 1))

const slot = fc.record({
  vpn: largest(44),
  order: fc.integer({ min: 0, max: 18 }),
  frame: fc.constantFrom(0, 1, 2 ** 27 - 1),
  id: largest(43),
  fromNs: fc.oneof(largest(53), fc.double({ min: 0, max: 2 ** 64, noNaN: true })),
  gaps: largest(32),
  protections: largest(32),
  brokenSeq: largest(46),
  cause: fc.nat(20),
  flags: fc.nat(3),
})
type Slot = typeof slot extends fc.Arbitrary<infer Of> ? Of : never

function begun(slots: SlotTable, mm: number, of: Slot): number {
  const row = slots.insert({ id: mm, firstRegion: -1 }, of.vpn, of.order)
  const { order, frame, id, fromNs, gaps, protections, brokenSeq, cause, flags } = of
  slots.begin(row, order, frame, id, fromNs, gaps, protections, brokenSeq, cause, flags)
  return row
}

function known(slots: SlotTable, row: number): Slot {
  return {
    vpn: slots.vpnOf(row),
    order: slots.orderOf(row),
    frame: slots.frameOf(row),
    id: slots.idOf(row),
    fromNs: slots.fromNsOf(row),
    gaps: slots.gapsOf(row),
    protections: slots.protectionsOf(row),
    brokenSeq: slots.brokenSeqOf(row),
    cause: slots.causeOf(row),
    flags: slots.flagsOf(row),
  }
}

test('a slot is what it began as, but for what was set since, whatever is set beside it', () => {
  const all = fc.array(fc.tuple(slot, slot, fc.subarray(['told', 'gaps', 'protections', 'flags'])), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(all, (pairs) => {
      const slots = new SlotTable()
      const rows = pairs.map(([first], n) => begun(slots, n + 1, first))
      const expected = pairs.map(([first, then, what], n): Slot => {
        let now = first
        if (what.includes('flags')) {
          slots.setFlags(rows[n], then.flags)
          now = { ...now, flags: then.flags }
        }
        if (what.includes('told')) {
          slots.setTold(rows[n], then.id)
          now = { ...now, id: then.id }
        }
        if (what.includes('gaps')) {
          slots.setGaps(rows[n], then.gaps)
          now = { ...now, gaps: then.gaps }
        }
        if (what.includes('protections')) {
          slots.setProtections(rows[n], then.protections)
          now = { ...now, protections: then.protections }
        }
        return now
      })
      for (const [n, row] of rows.entries()) {
        expect(known(slots, row)).toEqual(expected[n])
        expect(slots.mmOf(row)).toBe(n + 1)
        if (expected[n].order === 0) expect(slots.find(n + 1, expected[n].vpn)).toBe(row)
      }
    }),
  )
})

test('a copy of a slot is known as it is, at another address', () => {
  fc.assert(
    fc.property(slot, fc.nat(8), (of, frame) => {
      const slots = new SlotTable()
      const row = begun(slots, 1, of)
      const copied = slots.insert({ id: 2, firstRegion: -1 }, 9, 0)
      slots.copy(row, copied)
      expect(known(slots, copied)).toEqual({ ...of, vpn: 9 })
      slots.setSingle(copied, frame)
      expect(known(slots, copied)).toEqual({ ...of, vpn: 9, order: 0, frame })
    }),
  )
})

test('an event beyond all numbers that are kept is still an event', () => {
  const slots = new SlotTable()
  const row = slots.insert({ id: 1, firstRegion: -1 }, 5, 0)
  slots.begin(row, 0, 0, 1, 0, 0, 0, 2 ** 60, 1, 0)
  expect(slots.brokenSeqOf(row)).toBe(2 ** 46 - 1)
  expect([slots.causeOf(row), slots.flagsOf(row), slots.idOf(row)]).toEqual([1, 0, 1])
})

test('a frame is what it began as, but for what was set since', () => {
  const facts = fc.record({
    order: fc.nat(18),
    id: largest(48),
    firstSlot: fc.constantFrom(-1, 0, 2 ** 27 - 1),
    gaps: largest(32),
    kind: fc.nat(5),
  })
  const pfns = fc.uniqueArray(largest(42), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(pfns, facts, facts, fc.boolean(), (all, first, then, isBorn) => {
      const frames = new FrameTable()
      for (const pfn of all) {
        const row = frames.insert(pfn, first.order, first.kind, first.gaps, isBorn)
        expect([frames.isBorn(row), frames.gapsOf(row), frames.idOf(row)]).toEqual([isBorn, first.gaps, 0])
        expect([frames.orderOf(row), frames.kindOf(row), frames.firstSlotOf(row)]).toEqual([
          first.order,
          first.kind,
          -1,
        ])
        frames.setFirstSlot(row, then.firstSlot)
        frames.setOrder(row, then.order)
        frames.setId(row, then.id)
        frames.setKind(row, then.kind)
        frames.setMet(row, then.gaps)
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
        }).toEqual(then)
        expect(frames.isBorn(row)).toBe(false)
      }
    }),
  )
})

test('frames of a range are told, by page or by what is known, and may be removed meanwhile', () => {
  for (const count of [3, 2 ** 20]) {
    const frames = new FrameTable()
    for (const pfn of [5, 6, 7, 2 ** 30]) frames.insert(pfn, 0, 1, 0, true)
    const told: number[] = []
    frames.forEach(5, count, (row) => {
      told.push(frames.pfnOf(row))
      frames.remove(row)
    })
    expect(told).toEqual([5, 6, 7])
    expect([frames.size, frames.find(6)]).toEqual([1, -1])
  }
})

test('chains of slots are as lists, newest first, whoever leaves', () => {
  const rows = [0, 1, 4095, 4096, 20_000]
  const step = fc.tuple(fc.nat(rows.length - 1), fc.nat(1))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const links = new SlotLinks()
      const lists: number[][] = [[], []]
      const firsts = [-1, -1]
      for (const [which, list] of steps) {
        const row = rows[which]
        const at = lists.findIndex((one) => one.includes(row))
        if (at < 0) {
          links.add(row, firsts[list])
          firsts[list] = row
          lists[list].unshift(row)
        } else {
          firsts[at] = links.remove(row, firsts[at])
          lists[at] = lists[at].filter((one) => one !== row)
        }
        for (const [n, first] of firsts.entries()) {
          const chain: number[] = []
          for (let row = first; row >= 0; row = links.next(row)) chain.push(row)
          expect(chain).toEqual(lists[n])
        }
      }
    }),
  )
})
