import { expect, test } from 'vitest'
import { Flag, Foll, Kind } from '../model/kinds.js'
import { fault, said, Stage } from './testing/stage.js'

const LONGTERM = Foll.Pin | Foll.Longterm
const gup = (facts: Parameters<typeof fault>[0] = {}, foll: number = LONGTERM) =>
  fault({ kind: Kind.Gup, pages: 1, aux: foll, ...facts })
const ofFile = { ...gup(), flags: Flag.File | Flag.VmaMaywrite }

test('a long-term pin for reading of an exclusive page has broken COW', () => {
  expect(new Stage().judge({}, gup({ flags: Flag.Exclusive })).answers('R09')).toBe('held 1')
})

test('of a shared page, or of a file in a private mapping, it is a violation where that is promised', () => {
  const shared = gup({ mapcount: 2 })
  expect(new Stage({ kernel: '6.12.0' }).judge({}, shared, ofFile).findings('R09').map(said)).toEqual([
    'violation gup 4k long-term pin for reading',
  ])
  expect(new Stage({ kernel: '6.1.0' }).judge({}, ofFile).findings('R09').map(said)).toEqual([
    'measured gup 4k long-term pin for reading',
  ])
})

test('short pins, writing ones and shared mappings are no concern', () => {
  const stage = new Stage().judge({}, gup({}, Foll.Pin), gup({}, LONGTERM | Foll.Write), {
    ...ofFile,
    flags: Flag.File | Flag.VmaShared | Flag.VmaMaywrite,
  })
  expect(stage.answers('R09')).toBe('')
})

test('it cannot say of a page of a file where the fast path did not tell the mapping', () => {
  expect(new Stage().judge({}, { ...ofFile, flags: Flag.File }, { ...ofFile, flags: 0 }).answers('R09')).toBe(
    'unknown 2',
  )
})
