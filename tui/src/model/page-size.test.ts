import { expect, test } from 'vitest'
import { pmdOrderOf } from './page-size.js'

test('a huge page is as large as one page table reaches', () => {
  expect([4096, 16_384, 65_536].map(pmdOrderOf)).toEqual([9, 11, 13])
})

test('a page size that no machine has is taken for 4 KiB', () => {
  expect([0, -1, NaN, Infinity, 5000, 8, 2 ** 40].map(pmdOrderOf)).toEqual([9, 9, 9, 9, 9, 9, 9])
})
