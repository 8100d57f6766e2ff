import { describe, expect, test } from 'vitest'
import { Cause } from '../model/facts.js'
import { Flag, Kind, Outcome, Protection } from '../model/kinds.js'
import { ANON, CHILD, fault, LONGTERM_PIN, PARENT, PFN, pin, READ_GET, READ_PIN, said, slot, Stage, tgidOf, VPN, WRITE_GET } from './testing/stage.js' // prettier-ignore
import type { Known } from './testing/stage.js'

const BY_FORK = 8
const NEW_PFN = 0x6000
/** The slot as fork by its owner left it. */
const forked = slot({ protectedBy: BY_FORK, protectedByTgid: tgidOf(PARENT), protectedNs: 1.2e9 })
/** Mapped by parent and child, and held by FOLL_GET. */
const copyOfShared = fault({ outcome: Outcome.Copy, newPfn: NEW_PFN, refcount: 3, mapcount: 2 })
/** The same, with the FOLL_GET reference gone. */
const copyOfUnheld = fault({ outcome: Outcome.Copy, newPfn: NEW_PFN, refcount: 2, mapcount: 2 })

function judged(kernel: string, known: Known, ...events: Parameters<typeof fault>[0][]): readonly string[] {
  return new Stage({ kernel })
    .judge(known, ...events.map((event) => event ?? {}))
    .findings('R05')
    .map(said)
}

describe('a write fault that copies a page which is held through its slot', () => {
  test('O_DIRECT on 6.1: FOLL_GET for writing that is still counted is a hazard, by the fork', () => {
    const stage = new Stage({ kernel: '6.1.0' }).judge(
      { slots: [forked], pins: [pin(WRITE_GET)] },
      copyOfShared,
    )
    const [finding] = stage.findings('R05')
    expect(said(finding)).toBe('hazard fork 4k get for writing')
    expect(finding).toMatchObject({ mm: PARENT, tgid: tgidOf(PARENT), causeTgid: tgidOf(PARENT), count: 1 })
    expect(finding.first.words).toBe(
      'the slot left the frame under a FOLL_GET reference for writing, held for 1.5 ms; refcount 3, mapcount 2',
    )
  })

  test('a FOLL_GET reference that the counts do not show is gone: nothing is said', () => {
    const stage = new Stage().judge({ slots: [forked], pins: [pin(WRITE_GET)] }, copyOfUnheld)
    expect(stage.findings('R05')).toEqual([])
    expect(stage.answers('R05')).toBe('held 1')
  })

  test('what waits to be put on the LRU, or is in the swap cache, is no evidence', () => {
    const known = { slots: [forked], pins: [pin(WRITE_GET)] }
    const batched = { ...copyOfShared, flags: ANON & ~Flag.Lru }
    const cached = { ...copyOfShared, flags: ANON | Flag.Swapcache }
    expect(judged('6.1.0', known, batched, cached)).toEqual([])
  })

  test('a page that moved before it was taken, or away and back, was not moved away by its owner', () => {
    for (const fromNs of [0, 1e12]) {
      const known = { slots: [slot({ cause: Cause.Remap, fromNs })], pins: [pin(READ_GET)] }
      expect(judged('7.2.0', known, copyOfShared)).toEqual(['measured copy 4k get for reading'])
    }
  })

  test('vmsplice: FOLL_GET for reading is measured', () => {
    expect(judged('7.2.0', { slots: [forked], pins: [pin(READ_GET)] }, copyOfShared)).toEqual([
      'measured fork 4k get for reading',
    ])
  })

  test('a page of a huge page that PTEs map goes by the mappings of all of it, where they were counted', () => {
    const known = { slots: [forked], pins: [pin(WRITE_GET)] }
    const pages = 512
    const flags = ANON | Flag.Large
    const copy = { ...copyOfShared, flags, order: 9, refcount: 2 * pages + 1, mapcount: 2 }
    const counted = (mappings: number) => ({ ...copy, aux: (mappings + 1) * 2 ** 32 })
    expect(judged('6.1.0', known, counted(2 * pages))).toEqual(['hazard fork pte-mapped get for writing'])
    // All references are mappings: the one of GUP is gone. Not counted: nothing can be said.
    expect(judged('6.1.0', known, counted(2 * pages + 1), copy)).toEqual([])
    // One reference too many, and another page of the folio that was taken as well: whose it is cannot be said.
    const two = {
      slots: [forked],
      pins: [pin(WRITE_GET), pin({ ...WRITE_GET, pin: 2, vpn: VPN + 1, pfn: PFN + 1 })],
    }
    expect(judged('6.1.0', two, counted(2 * pages))).toEqual([])
  })

  test('FOLL_PIN is a violation where the kernel promises coherence, a hazard where it does not', () => {
    const known = { slots: [forked], pins: [pin(READ_PIN)] }
    const copy = { ...copyOfShared, refcount: 2 + 1024, pincount: 1 }
    expect(judged('6.1.0', known, copy)).toEqual(['violation fork 4k pin for reading'])
    expect(judged('5.10.0', known, copy)).toEqual(['hazard fork 4k pin for reading'])
  })

  test('of the zero page nobody knows how long it was held', () => {
    const copy = { ...copyOfShared, flags: Flag.Zero | Flag.Write | Flag.VmaMaywrite }
    const stage = new Stage().judge({ slots: [slot()], pins: [pin(LONGTERM_PIN)] }, copy)
    expect(stage.answers('R05')).toBe('unknown 1')
  })

  test('FOLL_PIN for reading of a page of a file is measured, unless it is for long', () => {
    const copy = { ...copyOfShared, flags: Flag.File | Flag.Write | Flag.VmaMaywrite }
    const longterm = pin({ foll: (READ_PIN.foll ?? 0) | 8 })
    expect(judged('6.12.0', { slots: [slot()], pins: [pin(READ_PIN)] }, copy)).toEqual([
      'measured copy 4k pin for reading',
    ])
    expect(judged('6.12.0', { slots: [slot()], pins: [longterm] }, copy)).toEqual([
      'violation copy 4k long-term pin for reading',
    ])
    expect(judged('6.1.0', { slots: [slot()], pins: [longterm] }, copy)).toEqual([
      'hazard copy 4k long-term pin for reading',
    ])
  })

  test('hugetlb: io_uring diverges; a FOLL_GET counts beside the reference of the fault itself', () => {
    const huge = {
      kind: Kind.HugetlbWp,
      order: 9,
      flags: Flag.Hugetlb | Flag.VmaHugetlb,
      outcome: Outcome.Copy,
    }
    const slots = [{ ...forked, order: 9, isPmdMapped: true }]
    expect(
      judged('5.10.0', { slots, pins: [pin(LONGTERM_PIN)] }, fault({ ...huge, newPfn: NEW_PFN })),
    ).toEqual(['hazard fork hugetlb long-term pin for writing'])
    const held = fault({ ...huge, newPfn: NEW_PFN, refcount: 4, mapcount: 2 })
    const gone = { ...held, refcount: 3 }
    expect(judged('6.1.0', { slots, pins: [pin(WRITE_GET)] }, gone)).toEqual([])
    expect(judged('6.1.0', { slots, pins: [pin(WRITE_GET)] }, held)).toEqual([
      'hazard fork hugetlb get for writing',
    ])
  })

  test.each([
    [Protection.Mprotect, 'mprotect'],
    [Protection.UffdWp, 'uffd-wp'],
    [Protection.SoftDirty, 'soft-dirty'],
    [Protection.Ksm, 'ksm'],
  ])('what write-protected it before is the cause: %s is %s', (protectedBy, cause) => {
    const known = { slots: [slot({ protectedBy, protectedByTgid: 77 })], pins: [pin()] }
    expect(judged('5.10.0', known, copyOfShared)).toEqual([`hazard ${cause} 4k pin for writing`])
  })

  test('a PMD split is the cause where nothing else is known', () => {
    const known = { slots: [slot()], pins: [pin({ splitNs: 1.1e9 })] }
    expect(judged('5.10.0', known, copyOfShared)).toEqual(['hazard pmd-split 4k pin for writing'])
  })
})

describe('a THP', () => {
  const HEAD = 0x5000
  const HEAD_VPN = 0x1000
  const page = 5
  const whole = { vpn: HEAD_VPN, oldPfn: HEAD, order: 9, flags: Flag.Large | Flag.PmdMapped, mapcount: 2 }
  const split = (refcount: number) =>
    fault({ ...whole, kind: Kind.HugeWp, outcome: Outcome.Fallback, refcount })
  const copy = fault({
    vpn: HEAD_VPN + page,
    oldPfn: HEAD + page,
    newPfn: NEW_PFN,
    order: 9,
    outcome: Outcome.Copy,
    flags: Flag.Large,
    refcount: 514,
    mapcount: 2,
  })
  const known = {
    slots: [{ ...forked, vpn: HEAD_VPN + page, pfn: HEAD + page, order: 9 }],
    pins: [pin({ ...WRITE_GET, vpn: HEAD_VPN + page, pfn: HEAD + page })],
  }

  test('the counts before the split tell whether FOLL_GET was live', () => {
    expect(judged('6.1.0', known, split(3), copy)).toEqual(['hazard fork pte-mapped get for writing'])
    expect(judged('6.1.0', known, split(2), copy)).toEqual([])
  })

  test('counts of a folio whose pages are mapped one by one tell nothing', () => {
    const stage = new Stage().judge(known, copy)
    expect(stage.answers('R05')).toBe('unknown 1')
    expect(stage.findings('R05')).toEqual([])
  })

  test('a split that was long ago, or of no fault, tells nothing of now', () => {
    const later = { ...copy, timeNs: (copy.timeNs ?? 0) + 1e9 }
    expect(new Stage().judge(known, split(3), later).answers('R05')).toBe('unknown 1')
    const byOther = { ...split(3), kind: Kind.PmdSplit, outcome: Outcome.None }
    expect(new Stage().judge(known, byOther, copy).answers('R05')).toBe('unknown 1')
  })

  test('more references than were ever taken are somebody else', () => {
    expect(judged('6.1.0', known, split(520), copy)).toEqual([])
  })

  test('the evidence of a split is for the fault that follows it', () => {
    const stage = new Stage().judge(known, split(3), copy, copy)
    expect(stage.answers('R05')).toBe('broken 1, unknown 1')
  })
})

describe('without a fault', () => {
  test('fork that copies early for the child is no matter of the parent', () => {
    const early = { kind: Kind.ForkCopy, mm: PARENT, otherMm: CHILD, vpn: VPN, oldPfn: PFN, newPfn: NEW_PFN }
    expect(new Stage().judge({ slots: [slot()], pins: [pin()] }, early).answers('R05')).toBe('')
  })

  test('what is swapped out and comes back to another frame was lost; in the swap cache it is not', () => {
    const out = { kind: Kind.SwapOut, mm: PARENT, vpn: VPN, oldPfn: PFN, flags: Flag.Anon, aux: 9 }
    const back = (newPfn: number) => ({
      kind: Kind.SwapIn,
      mm: PARENT,
      vpn: VPN,
      newPfn,
      flags: Flag.Anon,
      aux: 9,
    })
    const known = { slots: [slot()], pins: [pin()] }
    expect(new Stage().judge(known, out, back(PFN)).answers('R05')).toBe('held 1')
    expect(judged('5.10.0', known, out, back(NEW_PFN))).toEqual(['hazard swap 4k pin for writing'])
    expect(judged('6.1.0', { ...known, pins: [pin(WRITE_GET)] }, out, back(NEW_PFN))).toEqual([])
  })

  test('migration, a merge and a collapse under FOLL_PIN are violations', () => {
    const known = { slots: [slot()], pins: [pin()] }
    const base = { vpn: VPN, oldPfn: PFN, newPfn: NEW_PFN, flags: Flag.Anon }
    expect(judged('6.1.0', known, { ...base, kind: Kind.Migrate, vpn: 0 })).toEqual([
      'violation migrate 4k pin for writing',
    ])
    expect(judged('6.1.0', known, { ...base, kind: Kind.KsmMerge, mm: PARENT })).toEqual([
      'violation ksm 4k pin for writing',
    ])
    const collapse = { kind: Kind.Collapse, mm: PARENT, vpn: VPN, pages: 512, newPfn: NEW_PFN, order: 9 }
    expect(judged('6.1.0', known, collapse)).toEqual(['violation collapse 4k pin for writing'])
    expect(judged('6.1.0', known, { ...collapse, outcome: Outcome.Failed })).toEqual([])
  })

  test('the process that unmaps or moves its own pinned memory does it to itself', () => {
    const known = { slots: [slot()], pins: [pin()] }
    const range = { mm: PARENT, tgid: tgidOf(PARENT), vpn: VPN - 1, pages: 4, flags: Flag.VmaAnon }
    expect(judged('6.1.0', known, { ...range, kind: Kind.Unmap })).toEqual([
      'self-inflicted unmap 4k pin for writing',
    ])
    expect(judged('6.1.0', known, { ...range, kind: Kind.Remap })).toEqual([
      'self-inflicted remap 4k pin for writing',
    ])
    expect(judged('6.1.0', known, { ...range, kind: Kind.Unmap, tgid: 1 })).toEqual([
      'measured unmap 4k pin for writing',
    ])
    expect(judged('6.1.0', known, { ...range, kind: Kind.Unmap, flags: Flag.VmaShared })).toEqual([])
  })
})

describe('it cannot say', () => {
  const copy = { ...copyOfShared, refcount: 1026, pincount: 1 }

  test.each<[string, Known]>([
    ['where a gap may hide the return of the pin', { slots: [forked], pins: [pin({ isCertain: false })] }],
    ['where the slot is deduced', { slots: [{ ...forked, isCertain: false }], pins: [pin()] }],
    ['where the frame may be another', { slots: [forked], pins: [pin()], uncertainFrames: [PFN] }],
    [
      'where the slot mapped another frame than the pin holds',
      { slots: [slot({ pfn: 9 })], pins: [pin({ pfn: 9 })] },
    ],
  ])('%s', (_, known) => {
    const stage = new Stage().judge(known, copy)
    expect(stage.answers('R05')).toBe('unknown 1')
    expect(stage.findings('R05')).toEqual([])
  })

  test('without the legs that tell of pins', () => {
    const stage = new Stage({ without: ['unpin'] }).judge({ slots: [forked], pins: [pin()] }, copy)
    expect(stage.answers('R05')).toBe('unknown 1')
  })

  test('which of several FOLL_GET references is the live one: the milder is assumed', () => {
    const pins = [pin({ ...WRITE_GET, pin: 1 }), pin({ ...READ_GET, pin: 2 })]
    expect(judged('6.1.0', { slots: [forked], pins }, copyOfShared)).toEqual([
      'measured fork 4k get for reading',
    ])
    expect(judged('6.1.0', { slots: [forked], pins }, { ...copyOfShared, refcount: 4 })).toEqual([
      'hazard fork 4k get for writing',
    ])
  })

  test('whether it is a reference through another address space that lives', () => {
    const pins = [pin(WRITE_GET), pin({ ...READ_GET, pin: 2, mm: CHILD })]
    const stage = new Stage().judge({ slots: [forked], pins }, copyOfShared)
    expect(stage.answers('R05')).toBe('unknown 1')
  })
})

describe('a page that went to swap', () => {
  const out = { kind: Kind.SwapOut, mm: PARENT, vpn: VPN, oldPfn: PFN, flags: Flag.Anon, aux: 9 }
  const back = { kind: Kind.SwapIn, mm: PARENT, vpn: VPN, newPfn: NEW_PFN, flags: Flag.Anon, aux: 9 }
  const unmap = {
    kind: Kind.Unmap,
    mm: PARENT,
    tgid: tgidOf(PARENT),
    vpn: VPN,
    pages: 2,
    flags: Flag.VmaAnon,
  }
  const known = { slots: [slot()], pins: [pin()] }
  const gone = { pins: [pin()] }

  test('and was unmapped there is the doing of who did it; what comes later has another story', () => {
    const stage = new Stage({ kernel: '5.10.0' }).judge(known, out).judge(gone, unmap, back)
    expect(stage.findings('R05').map(said)).toEqual(['self-inflicted unmap 4k pin for writing'])
  })

  test('and whose slot got another page that went there, too, is forgotten', () => {
    const other = slot({ pfn: 0x7000 })
    const stage = new Stage({ kernel: '5.10.0' })
      .judge(known, out)
      .judge({ slots: [other], pins: [pin()] }, { ...out, oldPfn: 0x7000 })
      .judge(gone, back)
    expect(stage.findings('R05')).toEqual([])
  })
})
