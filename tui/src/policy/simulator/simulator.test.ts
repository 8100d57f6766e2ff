import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Flag, Kind, Outcome } from '../../model/kinds.js'
import { POLICIES } from '../policies.js'
import { transitions } from './enumerate.js'
import { operationText } from './operations.js'
import { Simulator } from './simulator.js'
import { complaints } from './testing/books.js'
import { played, runs } from './testing/runs.js'

/** Every one that changes what a slot maps, who holds a frame, or who may write it. */
const TOLD_KINDS: readonly number[] = [
  Kind.AnonNew,
  Kind.Collapse,
  Kind.FolioSplit,
  Kind.Fork,
  Kind.ForkCopy,
  Kind.ForkVma,
  Kind.FrameFree,
  Kind.Gup,
  Kind.HugeWp,
  Kind.HugetlbWp,
  Kind.KsmMerge,
  Kind.Migrate,
  Kind.MmExit,
  Kind.PmdSplit,
  Kind.Remap,
  Kind.SwapIn,
  Kind.SwapOut,
  Kind.UffdMessage,
  Kind.Unmap,
  Kind.Unpin,
  Kind.WpFault,
  Kind.Wrprotect,
]

const SIZES = ['base', 'thp', 'hugetlb', 'file', 'file-thp'] as const

describe.each(POLICIES)('under $name', (policy) => {
  test('the books are right after every run of two operations', () => {
    for (const { path, after } of transitions(policy, { sizes: ['base', 'thp'], pins: 2, depth: 2 })) {
      const wrong = complaints(after.memory)
      if (wrong.length > 0)
        expect.fail(
          `${path.map(({ operation }) => operationText(operation)).join(', ')}: ${wrong.join('; ')}`,
        )
    }
  })

  test('the books are right after every operation of a long run', () => {
    fc.assert(
      fc.property(runs(SIZES.length, 40), (run) => {
        const [simulator] = Simulator.begin(policy, SIZES)
        for (const operation of run) {
          simulator.do(operation)
          expect(complaints(simulator.memory)).toEqual([])
        }
      }),
      { numRuns: 300 },
    )
  })

  test('every count that is told was the count at that moment: no fewer references than mappings, and a copy starts alone', () => {
    fc.assert(
      fc.property(runs(SIZES.length, 40), (run) => {
        for (const { told } of played(policy, SIZES, run).steps) {
          for (const { kind = 0, flags = 0, refcount = 0, mapcount = 0, outcome, newRefcount } of told) {
            expect(TOLD_KINDS).toContain(kind)
            if (refcount > 0)
              expect(refcount).toBeGreaterThanOrEqual((flags & Flag.PmdMapped) !== 0 ? 1 : mapcount)
            if (outcome === Outcome.Copy) expect(newRefcount).toBe(1)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a branch is done for itself', () => {
    fc.assert(
      fc.property(runs(SIZES.length, 12), runs(SIZES.length, 12), (before, after) => {
        const { simulator } = played(policy, SIZES, before)
        const copy = JSON.stringify(simulator.memory)
        const branch = simulator.branch()
        for (const operation of after) branch.do(operation)
        expect(JSON.stringify(simulator.memory)).toBe(copy)
      }),
      { numRuns: 100 },
    )
  })

  test('what the device writes is what the owner reads, exactly while its pin has not diverged', () => {
    fc.assert(
      fc.property(runs(SIZES.length, 30), (run) => {
        const [simulator] = Simulator.begin(policy, SIZES)
        for (const operation of run) {
          simulator.do(operation)
          for (const pin of simulator.memory.pins) {
            const mm = simulator.memory.mms.findIndex((owner) => owner.id === pin.mm)
            if (mm < 0) continue
            const owner = simulator.memory.mms[mm]
            const area = owner.areas.findIndex(({ vpn, pages }) => vpn <= pin.vpn && pin.vpn < vpn + pages)
            simulator.do({ name: 'device-write', pin: pin.order })
            const written = simulator.do({ name: 'device-read', pin: pin.order }).seen
            const read = area < 0 ? undefined : simulator.contentAt(mm, area, pin.vpn - owner.areas[area].vpn)
            expect(read === written).toBe(!pin.diverged)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

test('every kind that the simulator claims is told by some short run', () => {
  const told = new Set<number>()
  for (const policy of POLICIES)
    for (const sizes of [['base'], ['thp'], ['hugetlb']] as const) {
      for (const { kind = 0 } of Simulator.begin(policy, sizes)[1]) told.add(kind)
      for (const { path } of transitions(policy, { sizes, pins: 1, depth: 3 }))
        for (const { kind = 0 } of path.at(-1)?.step.told ?? []) told.add(kind)
    }
  expect([...told].sort()).toEqual([...TOLD_KINDS].sort())
})
