import { expect, test } from 'vitest'
import { sparkline } from './sparkline.js'

test('the newest value is at the right, what does not fit is left out', () => {
  expect(sparkline([8, 0, 4, 8], 3, 'unicode')).toBe('▁▅█')
  expect(sparkline([8], 3, 'ascii')).toBe('  @')
})

test('a rare event among many is still seen', () => {
  expect(sparkline([0, 1, 1000], 3, 'unicode')).toBe('▁▂█')
})

test('all quiet is flat, not full', () => {
  expect(sparkline([0, 0], 2, 'ascii')).toBe('__')
})
