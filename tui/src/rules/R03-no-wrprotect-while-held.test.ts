import { expect, test } from 'vitest'
import { Cause } from '../model/facts.js'
import { Flag, Kind, Outcome, Protection } from '../model/kinds.js'
import {
  CHILD,
  fault,
  PARENT,
  PFN,
  pin,
  READ_GET,
  READ_PIN,
  said,
  slot,
  Stage,
  tgidOf,
  VPN,
} from './testing/stage.js'

const range = {
  mm: PARENT,
  tgid: tgidOf(PARENT),
  vpn: VPN - 4,
  pages: 16,
  flags: Flag.VmaAnon | Flag.VmaMaywrite,
}
const protect = (aux: number) => ({ ...range, kind: Kind.Wrprotect, aux, timeNs: 1.5e9 })
const fork = { ...range, kind: Kind.ForkVma, otherMm: CHILD }

test.each([
  [Protection.Mprotect, 'mprotect'],
  [Protection.UffdWp, 'uffd-wp'],
  [Protection.Numa, 'numa'],
])('protection %s of pinned memory is measured as %s, with how long it was held', (aux, cause) => {
  const [finding] = new Stage({ kernel: '7.2.0' })
    .judge({ slots: [slot()], pins: [pin()] }, protect(aux))
    .findings('R03')
  expect(said(finding)).toBe(`measured ${cause} 4k pin for writing`)
  expect(finding.causeTgid).toBe(tgidOf(PARENT))
  expect(finding.first.words).toContain('held for 500 ms')
})

test('fork of a page that it did not copy for the child is measured, and called deduced', () => {
  const stage = new Stage().judge({ slots: [slot()], pins: [pin(READ_PIN)] }, fork)
  expect(stage.findings('R03').map(said)).toEqual(['measured fork 4k pin for reading'])
  expect(stage.findings('R03')[0].first.words).toContain('deduced')
})

test('fork that copied early for the child held', () => {
  const slots = [slot(), slot({ mm: CHILD, pfn: 0x6000, cause: Cause.ForkCopy })]
  expect(new Stage().judge({ slots, pins: [pin()] }, fork).answers('R03')).toBe('held 1')
})

test('what is read-only already loses nothing; nor what is shared, wiped or not forked', () => {
  const known = { slots: [slot()], pins: [pin()] }
  expect(new Stage().judge({ ...known, slots: [slot({ protectedBy: 1 })] }, fork).answers('R03')).toBe('')
  for (const flags of [Flag.VmaAnon | Flag.VmaShared, Flag.VmaAnon | Flag.VmaWipeonfork, Flag.VmaMaywrite])
    expect(new Stage().judge(known, { ...fork, flags }).answers('R03')).toBe('')
  expect(new Stage().judge(known, { ...fork, outcome: Outcome.Failed }).answers('R03')).toBe('')
})

test('soft-dirty passes over what is pinned by PTE, not what a PMD maps', () => {
  const known = { slots: [slot()], pins: [pin()] }
  expect(new Stage().judge(known, protect(Protection.SoftDirty)).answers('R03')).toBe('held 1')
  const huge = { ...known, slots: [slot({ order: 9, isPmdMapped: true })] }
  expect(new Stage().judge(huge, protect(Protection.SoftDirty)).findings('R03').map(said)).toEqual([
    'measured soft-dirty thp pin for writing',
  ])
})

test('KSM comes with counts: its own reference is not evidence, a FOLL_GET beside it is', () => {
  const ksm = (refcount: number) => fault({ kind: Kind.Wrprotect, aux: Protection.Ksm, pages: 1, refcount })
  const known = { slots: [slot()], pins: [pin(READ_GET)] }
  expect(new Stage().judge(known, ksm(2)).answers('R03')).toBe('held 1')
  expect(new Stage().judge(known, ksm(3)).findings('R03').map(said)).toEqual([
    'measured ksm 4k get for reading',
  ])
})

test('it cannot say of FOLL_GET in a range, nor of pins and slots in doubt', () => {
  const event = protect(Protection.Mprotect)
  for (const known of [
    { slots: [slot()], pins: [pin(READ_GET)] },
    { slots: [slot()], pins: [pin({ isCertain: false })] },
    { slots: [slot({ isCertain: false })], pins: [pin()] },
  ])
    expect(new Stage().judge(known, event).answers('R03')).toBe('unknown 1')
})

test('giving the right to write back protects nothing', () => {
  const known = { slots: [slot()], pins: [pin()] }
  for (const aux of [Protection.MprotectWritable, Protection.UffdWpResolve, 99])
    expect(new Stage().judge(known, protect(aux)).answers('R03')).toBe('')
  expect(
    new Stage().judge({ ...known, uncertainFrames: [PFN] }, protect(Protection.Ksm)).findings('R03'),
  ).toEqual([])
})
