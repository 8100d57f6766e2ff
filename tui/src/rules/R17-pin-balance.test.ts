import { expect, test } from 'vitest'
import { Flag, Kind } from '../model/kinds.js'
import { pin, PFN, READ_GET, said, slot, Stage } from './testing/stage.js'

const unpin = { kind: Kind.Unpin, oldPfn: PFN, pages: 1, flags: Flag.Anon, refcount: 1, pincount: 0 }
const free = { kind: Kind.FrameFree, oldPfn: PFN }
const known = { slots: [slot()], pins: [pin()] }

test('a reference that was taken is given back', () => {
  expect(new Stage().judge(known, unpin).answers('R17')).toBe('held 1')
})

test('a reference that nobody holds, by what was seen and by the kernel, is given back: a violation', () => {
  expect(
    new Stage()
      .judge({ slots: [slot()] }, unpin)
      .findings('R17')
      .map(said),
  ).toEqual(['violation unpin 4k'])
})

test('a pin that the kernel counts was taken unseen; the zero page is never counted', () => {
  expect(new Stage().judge({}, { ...unpin, refcount: 1025, pincount: 1 }).answers('R17')).toBe('unknown 1')
  expect(new Stage().judge({}, { ...unpin, flags: 0 }).answers('R17')).toBe('unknown 1')
  expect(new Stage().judge({}, { ...unpin, refcount: 0 }).answers('R17')).toBe('unknown 1')
})

test('a frame that is freed while the kernel counts a pin on it is a violation', () => {
  expect(
    new Stage()
      .judge(known, { ...free, order: 9, pincount: 1 })
      .findings('R17')
      .map(said),
  ).toEqual(['violation free pte-mapped pin for writing'])
})

test('a frame that is freed without a count of pins had its pins given back unseen', () => {
  expect(new Stage().judge(known, free).answers('R17')).toBe('unknown 1')
  expect(new Stage().judge({ slots: [slot()], pins: [pin(READ_GET)] }, free).answers('R17')).toBe('')
})

test('it cannot say near a gap', () => {
  const near = { ...known, pins: [], uncertainFrames: [PFN] }
  expect(new Stage().judge(near, unpin).answers('R17')).toBe('unknown 1')
  const doubtful = { ...known, pins: [pin({ isCertain: false })] }
  expect(new Stage().judge(doubtful, { ...free, pincount: 1 }).answers('R17')).toBe('unknown 1')
})
