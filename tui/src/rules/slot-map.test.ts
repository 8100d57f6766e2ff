import { expect, test } from 'vitest'
import { SlotMap } from './slot-map.js'

test('what is put in is found by its slot, and taken once', () => {
  const map = new SlotMap<string>(4)
  map.set(1, 10, 'a')
  map.set(2, 10, 'b')
  expect([map.get(1, 10), map.get(2, 10), map.get(1, 11)]).toEqual(['a', 'b', undefined])
  expect([map.take(1, 10), map.take(1, 10)]).toEqual(['a', undefined])
})

test('a range of one address space is taken, and no more', () => {
  const map = new SlotMap<number>(8)
  for (const vpn of [9, 10, 11, 12]) map.set(1, vpn, vpn)
  map.set(2, 10, 99)
  expect(map.takeRange(1, 10, 2)).toEqual([10, 11])
  expect([map.get(1, 9), map.get(1, 10), map.get(1, 12), map.get(2, 10)]).toEqual([9, undefined, 12, 99])
})

test('beyond its bound the oldest is forgotten', () => {
  const map = new SlotMap<number>(2)
  for (const vpn of [1, 2, 1, 3]) map.set(1, vpn, vpn)
  expect([map.get(1, 1), map.get(1, 2), map.get(1, 3)]).toEqual([1, undefined, 3])
})
