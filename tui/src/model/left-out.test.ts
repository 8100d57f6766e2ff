import { expect, test } from 'vitest'
import { leftOutWords } from './left-out.js'

test('who leaves something out says what, and who leaves nothing out says nothing', () => {
  expect(leftOutWords({})).toEqual([])
  expect(leftOutWords({ stacks: 'both', onePageIn: 1 })).toEqual([])
  expect(leftOutWords({ stacks: 'kernel', onePageIn: 64 })).toEqual([expect.stringContaining('--pages 1/64')])
  expect(leftOutWords({ stacks: 'none', onePageIn: 2 })).toEqual([
    expect.stringContaining('of 2 pages'),
    expect.stringContaining('who takes references'),
  ])
})
