import { expect, test } from 'vitest'
import { Flag, Foll, Outcome } from '../model/kinds.js'
import { fault, said, Stage } from './testing/stage.js'

const IN_GUP = Flag.File | Flag.InGup | Flag.VmaMaywrite
const copy = (aux: number, flags: number = IN_GUP) => ({
  ...fault({ outcome: Outcome.Copy, newPfn: 0x6000, aux }),
  flags,
})

test('GUP for writing, or for long, breaks COW of a file page', () => {
  const stage = new Stage().judge({}, copy(Foll.Get | Foll.Write), copy(Foll.Pin | Foll.Longterm))
  expect(stage.answers('R10')).toBe('held 2')
})

test('a copy for a reader is what the forced break of 5.8 does, and a violation on any other kernel', () => {
  expect(new Stage({ kernel: '5.8.0' }).judge({}, copy(Foll.Get)).findings('R10').map(said)).toEqual([
    'measured gup 4k',
  ])
  expect(new Stage({ kernel: '6.1.0' }).judge({}, copy(Foll.Get)).findings('R10').map(said)).toEqual([
    'violation gup 4k',
  ])
})

test('a fault outside of GUP, and anonymous memory, are no concern', () => {
  const stage = new Stage().judge({}, copy(Foll.Get, Flag.File), copy(Foll.Get, Flag.Anon | Flag.InGup))
  expect(stage.answers('R10')).toBe('')
})

test('it cannot say without the flags of the call, or the leg that tells of calls', () => {
  expect(new Stage().judge({}, copy(0)).answers('R10')).toBe('unknown 1')
  expect(new Stage({ without: ['gup'] }).judge({}, copy(Foll.Get)).answers('R10')).toBe('unknown 1')
})
