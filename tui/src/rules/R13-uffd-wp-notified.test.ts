import { expect, test } from 'vitest'
import { Flag, Kind, Outcome, Protection, UffdReason } from '../model/kinds.js'
import { fault, said, slot, Stage, TAKEN_NS } from './testing/stage.js'

const WP = Flag.UffdWp | Flag.VmaUffdWp
const write = (outcome: number, flags = 0) => fault({ outcome, newPfn: 0x6000, flags: WP | flags })
const known = { slots: [slot({ protectedBy: Protection.UffdWp, protectedNs: TAKEN_NS })] }
const message = fault({ kind: Kind.UffdMessage, aux: UffdReason.Wp, flags: Flag.VmaUffdWp })

test('a write that is handed to userfaultfd is as it should be', () => {
  expect(new Stage().judge(known, write(Outcome.Uffd)).answers('R13')).toBe('held 1')
})

test('a write that ends in a copy or in reuse without a message is a violation', () => {
  const stage = new Stage().judge(known, write(Outcome.Copy), write(Outcome.Reuse))
  expect(stage.findings('R13').map(said)).toEqual(['violation copy 4k', 'violation reuse 4k'])
})

test('a message since it was protected was the notice; one from before was not', () => {
  expect(new Stage().judge(known, message, write(Outcome.Copy)).answers('R13')).toBe('held 1')
  const later = { slots: [slot({ protectedBy: Protection.UffdWp, protectedNs: TAKEN_NS + 1e9 })] }
  expect(new Stage().judge(later, message, write(Outcome.Copy)).answers('R13')).toBe('broken 1')
})

test('readers, asynchronous protection and slots without the bit are no concern', () => {
  const stage = new Stage().judge(
    known,
    write(Outcome.Copy, Flag.UffdWpAsync),
    write(Outcome.Unshare, Flag.Unshare),
    fault({ outcome: Outcome.Copy, flags: Flag.VmaUffdWp }),
  )
  expect(stage.answers('R13')).toBe('')
})

test('it cannot say of a slot that is not known, nor without the leg that tells of messages', () => {
  expect(new Stage().judge({}, write(Outcome.Copy)).answers('R13')).toBe('unknown 1')
  expect(new Stage({ without: ['uffd'] }).judge(known, write(Outcome.Copy)).answers('R13')).toContain(
    'unknown',
  )
})
