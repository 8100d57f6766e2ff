import { expect, test } from 'vitest'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import {
  fault,
  LONGTERM_PIN,
  PARENT,
  pin,
  PFN,
  READ_GET,
  said,
  slot,
  Stage,
  TAKEN_NS,
  VPN,
} from './testing/stage.js'

const pmdSplit = {
  kind: Kind.PmdSplit,
  mm: PARENT,
  vpn: VPN,
  pages: 512,
  oldPfn: PFN,
  order: 9,
  flags: Flag.Anon,
}
const folioSplit = (outcome: number) => ({ ...pmdSplit, kind: Kind.FolioSplit, mm: 0, vpn: 0, outcome, pincount: 1, refcount: 514 }) // prettier-ignore
const known = { slots: [slot({ order: 9, isPmdMapped: true })], pins: [pin(LONGTERM_PIN)] }
const copy = fault({ outcome: Outcome.Copy, newPfn: 0x6000, order: 9, flags: Flag.Large })
const split = { slots: [slot({ order: 9 })], pins: [pin({ ...LONGTERM_PIN, splitNs: TAKEN_NS + 1 })] }

test('a PMD split leaves pinned pages where they were', () => {
  expect(new Stage().judge(known, pmdSplit).answers('R14')).toBe('held 1')
})

test('the split of a pinned folio is refused', () => {
  expect(new Stage().judge(known, folioSplit(Outcome.Failed)).answers('R14')).toBe('held 1')
})

test('a folio that is split under a pin is a violation', () => {
  expect(new Stage().judge(known, folioSplit(Outcome.None)).findings('R14').map(said)).toEqual([
    'violation folio-split thp long-term pin for writing',
  ])
})

test('a copy under a pin after its PMD was split: a violation on 6.1, a hazard on 5.10', () => {
  expect(new Stage({ kernel: '6.1.0' }).judge(split, copy).findings('R14').map(said)).toEqual([
    'violation pmd-split pte-mapped long-term pin for writing',
  ])
  expect(new Stage({ kernel: '5.10.0' }).judge(split, copy).findings('R14').map(said)).toEqual([
    'hazard pmd-split pte-mapped long-term pin for writing',
  ])
})

test('a copy without a split before is not its concern, nor is FOLL_GET', () => {
  expect(new Stage().judge(known, copy).answers('R14')).toBe('')
  const get = { ...known, pins: [pin({ ...READ_GET, splitNs: TAKEN_NS + 1 })] }
  expect(new Stage().judge(get, copy, pmdSplit, folioSplit(Outcome.None)).answers('R14')).toBe('')
})

test('it cannot say of pins in doubt, or where the kernel counted none', () => {
  const doubtful = { ...known, pins: [pin({ ...LONGTERM_PIN, isCertain: false, splitNs: TAKEN_NS + 1 })] }
  expect(new Stage().judge(doubtful, copy, pmdSplit, folioSplit(Outcome.None)).answers('R14')).toBe(
    'unknown 3',
  )
  expect(new Stage().judge(known, { ...folioSplit(Outcome.None), pincount: 0 }).answers('R14')).toBe(
    'unknown 1',
  )
})
