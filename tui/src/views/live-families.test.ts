import { expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { LiveFamilies, SLOTS_HELD } from './live-families.js'
import { LiveOwners } from './live-owners.js'
import type { FrameNode } from './page.js'

const commOf = (tgid: number) => (tgid === 10 ? 'owner' : '')
const noCounts = () => null
const page = (families: LiveFamilies, tgid: number, vpn: number) => families.page(tgid, vpn, commOf, noCounts)

/** Process 10 (mm 1) maps page 100, forks 11 (mm 2), which copies it; 10 keeps the old frame. */
function forked(): LiveFamilies {
  const owners = new LiveOwners()
  const families = new LiveFamilies(owners)
  owners.process({ tgid: 10, parentTgid: 0, mm: 1, comm: '', startTimeNs: 0, seenNs: 0 })
  families.frameSeen(1, 5000, 0, FrameKind.Anon)
  families.slotMapped(1, 1, 100, 1, 10, Cause.AnonNew, 1, true)
  owners.fork({ parentMm: 1, childMm: 2, parentTgid: 10, childTgid: 11, timeNs: 20, seq: 2 })
  families.slotMapped(2, 2, 100, 1, 20, Cause.Fork, 2, false)
  families.slotEnded(2, 30, Cause.Copy)
  families.frameSeen(2, 6000, 0, FrameKind.Anon)
  families.slotMapped(3, 2, 100, 2, 30, Cause.Copy, 3, true)
  families.edge(1, EdgeKind.Copy, 1, 2, 2, 100, 30)
  return families
}

const shape = ({ pfn, by, asked, children }: FrameNode): unknown => [pfn, by, asked, children.map(shape)]

test('tells the intervals of a page in order of time, with why they began and ended', () => {
  const { slots, cut } = page(forked(), 11, 100)
  expect(
    slots.map(({ pfn, fromCause, untilCause, certain }) => [pfn, fromCause, untilCause, certain]),
  ).toEqual([
    [5000, 'fork', 'copy', false],
    [6000, 'copy', null, true],
  ])
  expect(cut).toBe(false)
})

test('tells the lineage across processes, whichever of them is asked', () => {
  const tree = [[5000, null, true, [[6000, 'copy', true, []]]]]
  expect(page(forked(), 11, 100).trees.map(shape)).toEqual(tree)
  const [root] = page(forked(), 10, 100).trees
  expect(shape(root)).toEqual([5000, null, true, [[6000, 'copy', false, []]]])
  expect(root.owners).toMatchObject([
    { tgid: 10, comm: 'owner', untilNs: null },
    { tgid: 11, comm: '', untilNs: 30 },
  ])
})

test('the way up ends before the zero page, which everybody shares', () => {
  const families = forked()
  families.frameSeen(3, 1, 0, FrameKind.Zero)
  families.edge(2, EdgeKind.Copy, 3, 1, 1, 100, 5)
  expect(page(families, 10, 100).trees.map(shape)).toHaveLength(1)
  expect(page(families, 10, 100).trees[0]).toMatchObject({ pfn: 5000 })
})

test('a page within a folio that is mapped as one is told by the interval of the folio', () => {
  const owners = new LiveOwners()
  const families = new LiveFamilies(owners)
  owners.process({ tgid: 10, parentTgid: 0, mm: 1, comm: '', startTimeNs: 0, seenNs: 0 })
  families.frameSeen(1, 512, 9, FrameKind.Anon)
  families.slotMapped(1, 1, 1024, 1, 10, Cause.AnonNew, 1, true)
  expect(page(families, 10, 1024 + 511).slots).toHaveLength(1)
  expect(page(families, 10, 1024 + 512).slots).toHaveLength(0)
  families.frameSeen(2, 9000, 0, FrameKind.Anon)
  families.slotMapped(2, 1, 1030, 2, 20, Cause.Copy, 2, true)
  expect(page(families, 10, 1030).slots.map(({ pfn }) => pfn)).toEqual([9000])
})

test('what is overwritten is not told, and a family that begins before it says that it is cut', () => {
  const families = forked()
  for (let slot = 4; slot < 3 + SLOTS_HELD; slot++)
    families.slotMapped(slot, 9, slot, slot, 40, Cause.Seen, 4, true)
  expect(page(families, 10, 100).slots).toHaveLength(0)
  expect(page(families, 11, 100).slots.map(({ pfn }) => pfn)).toEqual([6000])
  families.frameSeen(1 + (1 << 17), 7000, 0, FrameKind.Anon)
  expect(page(families, 11, 100)).toMatchObject({ cut: true, trees: [{ pfn: 6000 }] })
})

test('forgets everything with the run of the agent whose numbers it holds', () => {
  const families = forked()
  families.clear()
  expect(page(families, 10, 100)).toEqual({ slots: [], olderSlots: 0, trees: [], cut: false })
})

test('of a page that changed more often than is told, says how many intervals came before', () => {
  const families = forked()
  for (let slot = 4; slot < 4 + 600; slot++)
    families.slotMapped(slot, 1, 100, 1, slot, Cause.Seen, slot, true)
  const { slots, olderSlots } = page(families, 10, 100)
  expect(slots.map(({ slot }) => slot)).toEqual(Array.from({ length: 500 }, (_, i) => 104 + i))
  expect(olderSlots).toBe(101)
})
