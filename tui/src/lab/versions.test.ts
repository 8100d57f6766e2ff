import fc from 'fast-check'
import { expect, test } from 'vitest'

import { compareVersions } from './versions.js'

test.each([
  ['6.1.9-1', '6.1.10-1'],
  ['6.1.192-1', '6.1.192-2'],
  ['7.2.12-1~bpo13+1', '7.2.12-1'],
  ['6.12.115-1', '6.12.115-2~deb12u1'],
  ['9.9-1', '1:0.1-1'],
  ['1.0', '1.0+b1'],
])('%s is older than %s', (older, newer) => {
  expect(compareVersions(older, newer)).toBeLessThan(0)
  expect(compareVersions(newer, older)).toBeGreaterThan(0)
})

test('the order is the same from both sides, whatever the text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0)
    }),
  )
})
