/**
 * What stock kernels do, by programs that looked at their own memory (the table "Known truth" of the design), as streams of
 * events through the history and the rules: a finding where memory diverged or leaked, silence where it was kept.
 */
import { describe, expect, test } from 'vitest'
import { History } from '../history/history.js'
import { factLog } from '../history/testing/fact-log.js'
import { batchOf, numbered, type EventRow } from '../history/testing/events.js'
import type { Finding } from '../model/finding.js'
import { Flag, Foll, Kind, Outcome, Protection } from '../model/kinds.js'
import { policyFor } from '../policy/policies.js'
import { LEGS } from './legs.js'
import { Rules } from './rules.js'
import { said } from './testing/stage.js'

type Told = Partial<EventRow>

const PARENT = { mm: 1, tgid: 101, tid: 101 }
const CHILD = { mm: 2, tgid: 102, tid: 102 }
const VPN = 0x200
const PFN = 0x400
const COPY = 0x9000
const EARLY = 0xa000
const VMA = Flag.VmaMaywrite | Flag.VmaAnon
const PAGE = Flag.Anon | Flag.Lru | VMA
const WRITE = PAGE | Flag.Write | Flag.User

type Size = '4k' | 'thp' | 'hugetlb'

/** Flags and order of what is mapped whole. */
const WHOLE: Readonly<
  Record<Size, { readonly flags: number; readonly order: number; readonly pages: number }>
> = {
  '4k': { flags: 0, order: 0, pages: 1 },
  thp: { flags: Flag.Large | Flag.PmdMapped, order: 9, pages: 512 },
  hugetlb: { flags: Flag.Large | Flag.Hugetlb | Flag.VmaHugetlb, order: 9, pages: 512 },
}

function touched(size: Size): Told {
  const { flags, order, pages } = WHOLE[size]
  return {
    kind: Kind.AnonNew,
    ...PARENT,
    vpn: VPN,
    newPfn: PFN,
    order,
    pages,
    newRefcount: 1,
    flags: Flag.Anon | flags,
  }
}

/** One page of GUP through the first page. */
function gup(size: Size, aux: number, facts: Told = {}): Told {
  const { flags, order } = WHOLE[size]
  return { kind: Kind.Gup, ...PARENT, vpn: VPN, oldPfn: PFN, pages: 1, order, aux, mapcount: 1, ...facts, flags: PAGE | flags | (facts.flags ?? 0) } // prettier-ignore
}

function forked(size: Size): readonly Told[] {
  const { flags, pages } = WHOLE[size]
  const vma = {
    kind: Kind.ForkVma,
    ...PARENT,
    otherMm: CHILD.mm,
    vpn: VPN,
    pages,
    flags: VMA | (flags & Flag.VmaHugetlb),
  }
  return [vma, { kind: Kind.Fork, ...PARENT, otherMm: CHILD.mm, otherTgid: CHILD.tgid }]
}

/** Fork that copies the pinned page for the child; a PMD is split first. */
function forkedEarly(size: Size): readonly Told[] {
  const { flags, order } = WHOLE[size]
  const copy = { kind: Kind.ForkCopy, ...PARENT, otherMm: CHILD.mm, vpn: VPN, oldPfn: PFN, newPfn: EARLY, order, flags: PAGE | flags } // prettier-ignore
  const split = {
    kind: Kind.PmdSplit,
    ...PARENT,
    vpn: VPN,
    oldPfn: PFN,
    pages: 512,
    order,
    flags: PAGE | flags,
  }
  return size === 'thp'
    ? [split, { ...copy, flags: PAGE | Flag.Large }, ...forked(size)]
    : [copy, ...forked(size)]
}

/** The parent writes to a page that the child maps, too, with `held` references of others on it. */
function copied(size: Size, held: number, pincount = 0): readonly Told[] {
  const { flags, order, pages } = WHOLE[size]
  const fault = { ...PARENT, vpn: VPN, oldPfn: PFN, newPfn: COPY, order, pincount, mapcount: 2, outcome: Outcome.Copy, newRefcount: 1 } // prettier-ignore
  if (size === '4k') return [{ ...fault, kind: Kind.WpFault, flags: WRITE, refcount: 2 + held }]
  if (size === 'hugetlb')
    return [{ ...fault, kind: Kind.HugetlbWp, flags: WRITE | flags, refcount: 3 + held, pages }]
  const whole = { ...fault, flags: WRITE | flags, refcount: 2 + held, pages }
  return [
    { ...whole, kind: Kind.HugeWp, outcome: Outcome.Fallback, newPfn: 0 },
    { ...whole, kind: Kind.PmdSplit, outcome: 0, newPfn: 0 },
    { ...fault, kind: Kind.WpFault, flags: WRITE | Flag.Large, refcount: 513 + held },
  ]
}

function reused(size: Size, refcount: number, facts: Told = {}): Told {
  const { flags, order, pages } = WHOLE[size]
  const kind = size === '4k' ? Kind.WpFault : size === 'thp' ? Kind.HugeWp : Kind.HugetlbWp
  return { kind, ...PARENT, vpn: VPN, oldPfn: PFN, newPfn: PFN, order, pages, outcome: Outcome.Reuse, refcount, mapcount: 1, ...facts, flags: WRITE | flags | (facts.flags ?? 0) } // prettier-ignore
}

const unmapped = (size: Size, who: typeof PARENT): Told => ({ kind: Kind.Unmap, ...who, vpn: VPN, pages: WHOLE[size].pages, flags: VMA }) // prettier-ignore

/** Findings of the rules that memory itself can refute. */
function found(release: string, told: readonly Told[]): readonly string[] {
  return all(release, told)
    .filter(({ rule }) => rule === 'R05' || rule === 'R06')
    .map((finding) => `${finding.rule} ${said(finding)}`)
}

function all(release: string, told: readonly Told[]): readonly Finding[] {
  const findings = new Map<number, Finding>()
  const rules = new Rules({
    policy: policyFor(release),
    legs: LEGS.map((name) => ({ name, attached: true })),
    sink: { finding: (finding) => findings.set(finding.finding, finding), ruleCounts: () => undefined },
  })
  const history = new History(factLog().sink, { judge: rules })
  history.begin(1, 1)
  history.apply(batchOf(numbered(told)))
  history.finish()
  rules.finish()
  return [...findings.values()]
}

const OLD = ['5.10.0-46-amd64', '6.1.0-50-amd64']
const NEW = ['6.12.107+deb13-amd64', '7.2.12+deb14-amd64']
const [V5_10, V6_1] = OLD
const SINCE_6_1 = [V6_1, ...NEW]
const EVERY = [...OLD, ...NEW]
const SIZES: readonly Size[] = ['4k', 'thp', 'hugetlb']

describe.each(SIZES)('O_DIRECT read in flight, fork, the parent writes: %s', (size) => {
  const bySize = { '4k': '4k', thp: 'pte-mapped', hugetlb: 'hugetlb' }[size]

  test.each(OLD)('data is lost on %s', (release) => {
    const told = [
      touched(size),
      gup(size, Foll.Get | Foll.Write | Foll.Fast),
      ...forked(size),
      ...copied(size, 1),
    ]
    expect(found(release, told)).toEqual([`R05 hazard fork ${bySize} get for writing`])
    expect(all(release, told).find(({ rule }) => rule === 'R05')).toMatchObject({ causeTgid: PARENT.tgid, tgid: PARENT.tgid }) // prettier-ignore
  })

  test.each(OLD)('a read that was over before the write loses nothing on %s', (release) => {
    const told = [
      touched(size),
      gup(size, Foll.Get | Foll.Write | Foll.Fast),
      ...forked(size),
      ...copied(size, 0),
    ]
    expect(found(release, told)).toEqual([])
  })

  test.each(NEW)('data is kept on %s', (release) => {
    const told = [
      touched(size),
      gup(size, Foll.Pin | Foll.Write | Foll.Fast, { flags: Flag.Exclusive }),
      ...forkedEarly(size),
    ]
    const unpin = { kind: Kind.Unpin, oldPfn: PFN, pages: 1, order: WHOLE[size].order, flags: PAGE }
    expect(found(release, [...told, unpin])).toEqual([])
  })
})

describe('a read-only pin of a page shared by fork, then a write by the owner', () => {
  test('diverges on 5.10', () => {
    const taken = gup('4k', Foll.Pin, { mapcount: 2, refcount: 1026, pincount: 1 })
    const told = [touched('4k'), ...forked('4k'), taken, ...copied('4k', 1024, 1)]
    expect(found(V5_10, told)).toEqual(['R05 hazard fork 4k pin for reading'])
    const rules = all(V5_10, told).map(({ rule, verdict }) => `${rule} ${verdict}`)
    expect(rules).toEqual(['R08 measured', 'A04 measured', 'R05 hazard'])
  })

  test.each(SINCE_6_1)('stays whole on %s: the pin unshares first', (release) => {
    const unshared = { ...copied('4k', 0)[0], outcome: Outcome.Unshare, flags: PAGE | Flag.Unshare | Flag.InGup, aux: Foll.Pin } // prettier-ignore
    const taken = gup('4k', Foll.Pin, { oldPfn: COPY, flags: Flag.Exclusive })
    const write = reused('4k', 1025, { oldPfn: COPY, newPfn: COPY, flags: Flag.Exclusive, pincount: 1 })
    expect(all(release, [touched('4k'), ...forked('4k'), unshared, taken, write])).toEqual([])
  })
})

describe('a pinned page, mprotect to read-only and back, a write', () => {
  const protect = (aux: number) => ({ kind: Kind.Wrprotect, ...PARENT, vpn: VPN, pages: 1, flags: VMA, aux })
  const roundTrip = [
    touched('4k'),
    gup('4k', Foll.Pin | Foll.Write, { flags: Flag.Exclusive }),
    protect(Protection.Mprotect),
    protect(Protection.MprotectWritable),
  ]

  test('diverges on 5.10, by the mprotect, which the process did itself', () => {
    const copy = { ...copied('4k', 0)[0], refcount: 1025, mapcount: 1, pincount: 1 }
    const told = [...roundTrip, copy]
    expect(found(V5_10, told)).toEqual(['R05 hazard mprotect 4k pin for writing'])
    expect(all(V5_10, told).map(({ rule }) => rule)).toContain('A03')
  })

  test.each(SINCE_6_1)('stays whole on %s, where only the protection is measured', (release) => {
    const told = [...roundTrip, reused('4k', 1025, { flags: Flag.Exclusive, pincount: 1 })]
    expect(all(release, told).map((finding) => `${finding.rule} ${said(finding)}`)).toEqual([
      'R03 measured mprotect 4k pin for writing',
    ])
  })
})

test.each(EVERY)('vmsplice by the parent, fork, the parent writes: measured on %s', (release) => {
  const told = [touched('4k'), gup('4k', Foll.Get | Foll.Fast), ...forked('4k'), ...copied('4k', 1)]
  expect(found(release, told)).toEqual(['R05 measured fork 4k get for reading'])
})

describe('vmsplice in the child, which unmaps; then the parent writes', () => {
  const spliced = (size: Size) => [
    touched(size),
    ...forked(size),
    gup(size, Foll.Get | Foll.Fast, { ...CHILD, mapcount: 2 }),
    unmapped(size, CHILD),
  ]

  test.each(EVERY)('a hugetlb page leaks on %s', (release) => {
    expect(found(release, [...spliced('hugetlb'), reused('hugetlb', 3)])).toEqual([
      'R06 hazard reuse hugetlb get for reading',
    ])
  })

  test('a THP leaks on 5.10', () => {
    expect(found(V5_10, [...spliced('thp'), reused('thp', 2)])).toEqual([
      'R06 hazard reuse thp get for reading',
    ])
  })

  test.each(SINCE_6_1)('a THP is copied from on %s', (release) => {
    const [huge, split, copy] = copied('thp', 0).map((event) => ({ ...event, mapcount: 1 }))
    const told = [
      { ...huge, refcount: 2 },
      { ...split, refcount: 2 },
      { ...copy, refcount: 513 },
    ]
    expect(found(release, [...spliced('thp'), ...told])).toEqual([])
  })

  const swapped = [
    touched('4k'),
    { kind: Kind.SwapOut, ...PARENT, vpn: VPN, oldPfn: PFN, aux: 7, flags: PAGE },
    { kind: Kind.FrameFree, oldPfn: PFN },
    ...forked('4k'),
    {
      kind: Kind.SwapIn,
      ...CHILD,
      vpn: VPN,
      newPfn: COPY,
      aux: 7,
      newRefcount: 2,
      flags: PAGE | Flag.Swapcache,
    },
    gup('4k', Foll.Get | Foll.Fast, { ...CHILD, oldPfn: COPY }),
    unmapped('4k', CHILD),
  ]
  const back = { kind: Kind.SwapIn, ...PARENT, vpn: VPN, newPfn: COPY, aux: 7, newRefcount: 2 }

  test('a page that was swapped leaks on 5.10', () => {
    expect(found(V5_10, [...swapped, { ...back, flags: WRITE | Flag.Writable }])).toEqual([
      'R06 hazard swap 4k get for reading',
    ])
  })

  test.each(SINCE_6_1)('a page that was swapped is copied from on %s', (release) => {
    const copy = { ...copied('4k', 0)[0], oldPfn: COPY, newPfn: EARLY, mapcount: 1, refcount: 2 }
    expect(found(release, [...swapped, { ...back, flags: WRITE }, copy])).toEqual([])
  })
})

describe('an io_uring fixed buffer, fork, the parent writes', () => {
  const fixed = (size: Size) => gup(size, Foll.Pin | Foll.Write | Foll.Longterm, { flags: Flag.Exclusive })

  test.each(EVERY.flatMap((release) => (['4k', 'thp'] as const).map((size) => [size, release] as const)))(
    '%s is kept on %s; the fork is advised against',
    (size, release) => {
      const told = [touched(size), fixed(size), ...forkedEarly(size)]
      expect(found(release, told)).toEqual([])
      expect(all(release, told).map(({ rule }) => rule)).toContain('A02')
    },
  )

  test('hugetlb diverges on 5.10, whose fork shares such a page', () => {
    const told = [touched('hugetlb'), fixed('hugetlb'), ...forked('hugetlb'), ...copied('hugetlb', 1, 1)]
    expect(found(V5_10, told)).toEqual(['R05 hazard fork hugetlb long-term pin for writing'])
  })
})

test.each(EVERY)(
  'a fork that failed half way, then a copy for a passing reference: as it should be on %s',
  (release) => {
    const [vma] = forked('4k')
    const failed = [
      { ...vma, outcome: Outcome.Failed },
      { kind: Kind.MmExit, ...CHILD },
    ]
    const copy = { ...copied('4k', 0)[0], mapcount: 1, refcount: 2 }
    const rules = all(release, [touched('4k'), ...failed, copy]).map(({ rule }) => rule)
    expect(rules).not.toContain('R07')
  },
)
