import { expect, test } from 'vitest'
import { Flag, Foll, Kind, Outcome, UffdReason } from '../model/kinds.js'
import { fault, said, Stage } from './testing/stage.js'

const unshare = (outcome: number) => fault({ outcome, newPfn: 0x6000, flags: Flag.Unshare })

test('unsharing copies, or finds nothing to do', () => {
  const stage = new Stage().judge({}, unshare(Outcome.Unshare), unshare(Outcome.UnshareNoop))
  expect(stage.answers('R12')).toBe('held 2')
})

test('a reader that makes a page writable, or calls userfaultfd, is a violation', () => {
  const stage = new Stage().judge({}, unshare(Outcome.Reuse), unshare(Outcome.Uffd))
  expect(stage.findings('R12').map(said)).toEqual(['violation reuse 4k', 'violation uffd-wp 4k'])
  const message = fault({ kind: Kind.UffdMessage, aux: UffdReason.Wp, flags: Flag.Unshare })
  expect(new Stage().judge({}, message).findings('R12').map(said)).toEqual(['violation uffd-wp 4k'])
})

test('it cannot say of a huge page, whose mapping is looked at without a lock', () => {
  const huge = { ...unshare(Outcome.Reuse), kind: Kind.HugeWp, order: 9 }
  expect(new Stage().judge({}, huge).answers('R12')).toBe('unknown 1')
})

test('the forced break of 5.8 tells userfaultfd of a write that is none: measured', () => {
  const forced = fault({ outcome: Outcome.Uffd, aux: Foll.Get, flags: Flag.InGup })
  expect(new Stage({ kernel: '5.8.0' }).judge({}, forced).findings('R12').map(said)).toEqual([
    'measured uffd-wp 4k',
  ])
})

test('writes, and messages for other reasons, are no concern', () => {
  const write = fault({ outcome: Outcome.Uffd, aux: Foll.Get | Foll.Write, flags: Flag.InGup })
  const missing = fault({ kind: Kind.UffdMessage, aux: UffdReason.Missing, flags: Flag.Unshare })
  const lost = unshare(Outcome.Retry)
  expect(new Stage().judge({}, write, missing, lost, fault({ outcome: Outcome.Reuse })).answers('R12')).toBe(
    '',
  )
})
