import { expect, test } from 'vitest'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { fault, PARENT, PFN, said, Stage, VPN } from './testing/stage.js'

const NEW_PFN = 0x6000
const copy = (newRefcount: number) => fault({ outcome: Outcome.Copy, newPfn: NEW_PFN, newRefcount })
const touch = (newRefcount: number, order = 0) => ({
  kind: Kind.AnonNew,
  mm: PARENT,
  vpn: VPN,
  newPfn: NEW_PFN,
  order,
  newRefcount,
  flags: Flag.Anon,
})
const swapIn = (newRefcount: number, flags: number) => ({ ...touch(newRefcount), kind: Kind.SwapIn, flags })

test('a copy with one reference, or with that of an LRU batch, is private', () => {
  expect(new Stage().judge({}, copy(1), copy(2)).answers('R02')).toBe('held 2')
})

test('a copy that somebody else holds already is a violation', () => {
  const stage = new Stage().judge({}, copy(3))
  expect(stage.findings('R02').map(said)).toEqual(['violation copy 4k'])
  expect(stage.findings('R02')[0].first.words).toBe('the new frame had 3 references where 2 are its own')
})

test('a large folio has a reference for each page that is mapped', () => {
  expect(new Stage().judge({}, touch(16, 4)).answers('R02', 'pte-mapped')).toBe('held 1')
  expect(new Stage().judge({}, touch(40, 4)).answers('R02', 'pte-mapped')).toBe('broken 1')
})

test('swap-in maps writable what others hold: measured where map and swap counts decide', () => {
  const held = swapIn(3, Flag.Anon | Flag.Lru | Flag.Writable)
  expect(new Stage({ kernel: '5.10.0' }).judge({}, held).findings('R02').map(said)).toEqual([
    'measured swap 4k',
  ])
})

test('it cannot say of swap-in where a page may have been exclusive to its owner all along', () => {
  const held = swapIn(3, Flag.Anon | Flag.Lru | Flag.Writable)
  expect(new Stage({ kernel: '6.1.0' }).judge({}, held).answers('R02')).toBe('unknown 1')
  expect(new Stage({ kernel: '6.1.0' }).judge({}, { ...held, newRefcount: 1 }).answers('R02')).toBe('held 1')
})

test('swap-in that maps read-only is no concern', () => {
  expect(new Stage().judge({}, swapIn(3, Flag.Anon | Flag.Lru)).answers('R02')).toBe('')
})

test('a count that was not read says nothing', () => {
  expect(new Stage().judge({}, copy(0), copy(-7)).answers('R02')).toBe('unknown 2')
})

test('it goes by the event alone, also where the old frame is uncertain', () => {
  expect(new Stage().judge({ uncertainFrames: [PFN] }, copy(3)).answers('R02')).toBe('broken 1')
})
