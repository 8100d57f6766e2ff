import { expect, test } from 'vitest'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { CHILD, fault, pin, PFN, READ_GET, READ_PIN, said, slot, Stage } from './testing/stage.js'

/** The parent writes in place what the child took a reference on; one mapping is left, and one reference beside it. */
const reuse = (facts: Parameters<typeof fault>[0] = {}) =>
  fault({ outcome: Outcome.Reuse, newPfn: PFN, refcount: 2, mapcount: 1, ...facts })
const ofChild = (facts: Parameters<typeof pin>[0]) => pin({ ...facts, mm: CHILD })
const known = { slots: [slot()], pins: [ofChild(READ_GET)] }
const thp = { kind: Kind.HugeWp, order: 9, flags: Flag.PmdMapped | Flag.Large }
const hugetlb = { kind: Kind.HugetlbWp, order: 9, flags: Flag.Hugetlb | Flag.VmaHugetlb, refcount: 3 }

test('vmsplice of a THP on 5.10 leaks: a hazard', () => {
  const stage = new Stage({ kernel: '5.10.0' }).judge(known, reuse(thp))
  expect(stage.findings('R06').map(said)).toEqual(['hazard reuse thp get for reading'])
  expect(stage.findings('R06')[0].first.words).toContain(
    'taken through another address space, held for 1.5 ms',
  )
})

test.each(['5.10.0', '6.1.0', '7.2.0'])('vmsplice of a hugetlb page leaks on %s: a hazard', (kernel) => {
  expect(new Stage({ kernel }).judge(known, reuse(hugetlb)).findings('R06').map(said)).toEqual([
    'hazard reuse hugetlb get for reading',
  ])
})

test('a FOLL_GET reference that is gone leaks nothing', () => {
  expect(new Stage().judge(known, reuse({ ...hugetlb, refcount: 2 })).answers('R06')).toBe('held 1')
  expect(new Stage({ kernel: '5.10.0' }).judge(known, reuse({ ...thp, refcount: 1 })).answers('R06')).toBe(
    'held 1',
  )
})

test('FOLL_PIN of another address space under a write in place is a violation on 6.1', () => {
  const pins = [ofChild(READ_PIN)]
  expect(
    new Stage()
      .judge({ ...known, pins }, reuse({ refcount: 1025, pincount: 1 }))
      .findings('R06')
      .map(said),
  ).toEqual(['violation reuse 4k pin for reading'])
})

test('what the kernel found exclusive was let go by FOLL_GET users before', () => {
  expect(new Stage().judge(known, reuse({ flags: Flag.Exclusive })).answers('R06')).toBe('held 1')
})

test('where the kernel promises to look at the count, only the count at its decision accuses', () => {
  expect(new Stage().judge(known, reuse()).answers('R06')).toBe('unknown 1')
  const decided = reuse({ flags: Flag.CountsAtDecision | Flag.MadeExclusive })
  expect(new Stage().judge(known, decided).findings('R06').map(said)).toEqual([
    'violation reuse 4k get for reading',
  ])
})

test('swap-in of a page that another still holds: a hazard up to 5.17', () => {
  const swapIn = fault({ kind: Kind.SwapIn, oldPfn: 0, newPfn: PFN, newRefcount: 2, flags: Flag.Writable })
  expect(new Stage({ kernel: '5.10.0' }).judge(known, swapIn).findings('R06').map(said)).toEqual([
    'hazard swap 4k get for reading',
  ])
  expect(new Stage({ kernel: '5.10.0' }).judge(known, { ...swapIn, newRefcount: 1 }).answers('R06')).toBe(
    'held 1',
  )
})

test('references of the writer itself are no leak', () => {
  expect(
    new Stage({ kernel: '5.10.0' }).judge({ ...known, pins: [pin(READ_GET)] }, reuse(thp)).answers('R06'),
  ).toBe('')
  const both = [ofChild(READ_GET), pin({ ...READ_GET, pin: 2 })]
  expect(new Stage({ kernel: '5.10.0' }).judge({ ...known, pins: both }, reuse(thp)).answers('R06')).toBe(
    'unknown 1',
  )
})

test('it cannot say near a gap', () => {
  const near = { ...known, uncertainFrames: [PFN] }
  expect(new Stage({ kernel: '5.10.0' }).judge(near, reuse(thp)).answers('R06')).toBe('unknown 1')
  const doubtful = { ...known, pins: [ofChild({ ...READ_GET, isCertain: false })] }
  expect(new Stage({ kernel: '5.10.0' }).judge(doubtful, reuse(thp)).answers('R06')).toBe('unknown 1')
})

test('it cannot say whether a break of COW that a call for reading forced has made the page writable', () => {
  const forced = (foll: number) => reuse({ flags: Flag.Anon | Flag.Lru | Flag.Write | Flag.InGup, aux: foll })
  const answer = (foll: number) => new Stage({ kernel: '5.8.0' }).judge(known, forced(foll)).answers('R06')
  expect([answer(Foll.Get), answer(Foll.Get | Foll.Write)]).toEqual(['unknown 1', 'broken 1'])
})
