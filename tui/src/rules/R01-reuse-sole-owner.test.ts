import { expect, test } from 'vitest'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { CHILD, fault, pin, PFN, READ_GET, said, slot, Stage } from './testing/stage.js'

const reuse = (facts: Parameters<typeof fault>[0] = {}) =>
  fault({ outcome: Outcome.Reuse, newPfn: PFN, ...facts })

test('the sole owner writes in place', () => {
  const stage = new Stage().judge({ slots: [slot()] }, reuse(), reuse({ refcount: 2, flags: Flag.Swapcache }))
  expect(stage.answers('R01')).toBe('held 2')
})

test('an exclusive page is its owner alone, whatever its counts', () => {
  expect(new Stage().judge({}, reuse({ refcount: 9, flags: Flag.Exclusive })).answers('R01')).toBe('held 1')
})

test('a page that another address space maps is made writable: a violation', () => {
  const slots = [slot(), slot({ mm: CHILD })]
  const stage = new Stage({ kernel: '5.10.0' }).judge({ slots }, reuse({ refcount: 2, mapcount: 2 }))
  expect(stage.findings('R01').map(said)).toEqual(['violation reuse 4k'])
})

test('the mapcount era reuses under references of others, and promises no better: measured', () => {
  const huge = reuse({ kind: Kind.HugeWp, order: 9, flags: Flag.PmdMapped, refcount: 2, mapcount: 1 })
  const known = { slots: [slot()], pins: [pin({ ...READ_GET, mm: CHILD })] }
  expect(new Stage({ kernel: '5.10.0' }).judge(known, huge).findings('R01').map(said)).toEqual([
    'measured reuse thp',
  ])
})

test('a count that may have fallen until the kernel decided accuses nobody', () => {
  const stage = new Stage({ kernel: '5.10.0' }).judge(
    { slots: [slot()] },
    reuse({ refcount: 3, mapcount: 2 }),
  )
  expect(stage.answers('R01')).toBe('unknown 1')
})

test('counts where the kernel decided need no swap cache and no batch to be explained', () => {
  const flags = Flag.CountsAtDecision | Flag.MadeExclusive | Flag.Swapcache
  expect(new Stage().judge({ slots: [slot()] }, reuse({ refcount: 1, flags })).answers('R01')).toBe('held 1')
  const mapped = reuse({ refcount: 2, mapcount: 2, flags })
  expect(
    new Stage()
      .judge({ slots: [slot(), slot({ mm: CHILD })] }, mapped)
      .findings('R01')
      .map(said),
  ).toEqual(['violation reuse 4k'])
})

test('it cannot say of a page of a folio that is mapped page by page, nor near a gap', () => {
  const stage = new Stage().judge({ slots: [slot()] }, reuse({ order: 4, flags: Flag.Large }))
  expect(stage.answers('R01')).toBe('unknown 1')
  expect(stage.answers('R15')).toBe('unknown 1')
  const flags = Flag.CountsAtDecision
  const mapped = reuse({ refcount: 2, mapcount: 2, flags })
  const near = new Stage().judge({ slots: [slot(), slot({ mm: CHILD })], uncertainFrames: [PFN] }, mapped)
  expect(near.answers('R01')).toBe('unknown 1')
})

test('shared mappings and pages of files are no concern', () => {
  const stage = new Stage().judge({}, reuse({ flags: Flag.VmaShared }), { ...reuse(), flags: Flag.File })
  expect(stage.answers('R01')).toBe('')
})
