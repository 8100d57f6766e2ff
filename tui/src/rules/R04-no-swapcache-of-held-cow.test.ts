import { expect, test } from 'vitest'
import { Kind } from '../model/kinds.js'
import { fault, pin, PFN, READ_GET, said, slot, Stage } from './testing/stage.js'

const swapOut = fault({ kind: Kind.SwapOut, aux: 5 })

test('a page that is pinned goes to swap: a violation where reclaim promises to leave it alone', () => {
  const known = { slots: [slot()], pins: [pin()] }
  expect(new Stage({ kernel: '6.1.0' }).judge(known, swapOut).findings('R04').map(said)).toEqual([
    'violation swap 4k pin for writing',
  ])
  expect(new Stage({ kernel: '5.9.0' }).judge(known, swapOut).findings('R04').map(said)).toEqual([
    'measured swap 4k pin for writing',
  ])
})

test('FOLL_GET does not hold a page back, and without a pin there is nothing to check', () => {
  expect(new Stage().judge({ slots: [slot()], pins: [pin(READ_GET)] }, swapOut).answers('R04')).toBe('')
  expect(new Stage().judge({ slots: [slot()] }, swapOut).answers('R04')).toBe('')
})

test('it cannot say where the pin may be given back, or the frame be another', () => {
  const doubtful = { slots: [slot()], pins: [pin({ isCertain: false })] }
  expect(new Stage().judge(doubtful, swapOut).answers('R04')).toBe('unknown 1')
  const near = { slots: [slot()], pins: [pin()], uncertainFrames: [PFN] }
  expect(new Stage().judge(near, swapOut).answers('R04')).toBe('unknown 1')
})
