import { expect, test } from 'vitest'
import { Outcome, Protection } from '../model/kinds.js'
import { fault, PFN, said, slot, Stage } from './testing/stage.js'

const copy = fault({ outcome: Outcome.Copy, newPfn: 0x6000, refcount: 2 })

test('the first copy, and one after the page was shared again, are as they should be', () => {
  expect(new Stage().judge({ slots: [slot()] }, copy).answers('R07')).toBe('held 1')
  expect(new Stage().judge({ slots: [slot({ brokenSeq: 7, mayBeShared: true })] }, copy).answers('R07')).toBe(
    'held 1',
  )
})

test('KSM that looked at the page took its exclusiveness away', () => {
  const known = { slots: [slot({ brokenSeq: 7, protectedBy: Protection.Ksm })] }
  expect(new Stage().judge(known, copy).answers('R07')).toBe('held 1')
})

test('a second copy of what was never shared is a violation on 6.1, and measured on 5.10', () => {
  const known = { slots: [slot({ brokenSeq: 7 })] }
  expect(new Stage({ kernel: '6.1.0' }).judge(known, copy).findings('R07').map(said)).toEqual([
    'violation copy 4k',
  ])
  const old = new Stage({ kernel: '5.10.0' }).judge(known, copy)
  expect(old.findings('R07').map(said)).toEqual(['measured copy 4k'])
  expect(old.findings('R07')[0].first.words).toBe(
    'copied again, though its own since event 7; refcount 2, mapcount 1',
  )
})

test('it cannot say of a slot that is not known, deduced, or seen with another frame', () => {
  for (const slots of [[], [slot({ brokenSeq: 7, isCertain: false })], [slot({ brokenSeq: 7, pfn: 9 })]])
    expect(new Stage().judge({ slots }, copy).answers('R07')).toBe('unknown 1')
  const near = { slots: [slot({ brokenSeq: 7 })], uncertainFrames: [PFN] }
  expect(new Stage().judge(near, copy).answers('R07')).toBe('unknown 1')
})

test('it cannot say where KSM may have shared the page unseen', () => {
  expect(new Stage({ without: ['ksm'] }).judge({ slots: [slot()] }, copy).answers('R07')).toBe('unknown 1')
})
