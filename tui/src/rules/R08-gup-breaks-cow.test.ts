import { expect, test } from 'vitest'
import { Flag, Foll, Kind } from '../model/kinds.js'
import { ANON, fault, PFN, said, slot, Stage, VPN } from './testing/stage.js'

const CALL = 5 * 2 ** 32
const gup = (facts: Parameters<typeof fault>[0] = {}, foll: number = Foll.Pin) =>
  fault({ kind: Kind.Gup, pages: 1, aux: CALL + foll, stack: 4, ...facts })

test('an exclusive page is what FOLL_PIN may return', () => {
  expect(new Stage().judge({}, gup({ flags: Flag.Exclusive })).answers('R08')).toBe('held 1')
  expect(new Stage({ kernel: '5.10.0' }).judge({}, gup()).answers('R08')).toBe('held 1')
})

test('a shared page is a violation from 5.19 on, and measured before', () => {
  const shared = gup({ refcount: 1026, mapcount: 2, pincount: 1 })
  const [finding] = new Stage({ kernel: '6.1.0' }).judge({}, shared).findings('R08')
  expect(said(finding)).toBe('violation gup 4k pin for reading')
  expect(finding.first.reference?.stack).toBe(4)
  expect(finding.first.words).toBe(
    'a shared frame was returned (FOLL_PIN, for reading): refcount 1026, mapcount 2, not exclusive',
  )
  expect(new Stage({ kernel: '5.10.0' }).judge({}, shared).findings('R08').map(said)).toEqual([
    'measured gup 4k pin for reading',
  ])
})

test('what a PMD maps is counted as such, though the event tells only the folio', () => {
  const slots = [slot({ order: 9, isPmdMapped: true })]
  const shared = gup({ mapcount: 2, order: 9, flags: Flag.Large })
  expect(new Stage().judge({ slots }, shared).findings('R08').map(said)).toEqual([
    'violation gup thp pin for reading',
  ])
})

test('it cannot say of a later page of what is mapped as one: only the first carries the bit', () => {
  const later = gup({ mapcount: 1, order: 9, vpn: VPN + 5, oldPfn: PFN + 5, flags: Flag.Large })
  expect(new Stage().judge({}, later).answers('R08')).toBe('unknown 1')
  const hugetlb = { ...later, flags: ANON | Flag.Large | Flag.Hugetlb }
  const byPtes = { slots: [slot({ order: 9, vpn: VPN + 5, pfn: PFN + 5 })] }
  expect(new Stage().judge(byPtes, hugetlb).answers('R08')).toBe('unknown 1')
  expect(new Stage().judge(byPtes, later).answers('R08')).toBe('broken 1')
})

test('FOLL_GET, pages of files and shared mappings are no concern', () => {
  const stage = new Stage().judge({}, gup({}, Foll.Get), gup({ flags: Flag.VmaShared }), {
    ...gup(),
    flags: Flag.File,
  })
  expect(stage.answers('R08')).toBe('')
})

test('it cannot say without a mapcount on kernels that have no exclusive pages', () => {
  expect(new Stage({ kernel: '5.10.0' }).judge({}, gup({ mapcount: 0 })).answers('R08')).toBe('unknown 1')
})
