import { describe, expect, test } from 'vitest'
import { Cause, EdgeKind } from '../model/facts.js'
import { Flag, Foll, Kind, Outcome, Protection } from '../model/kinds.js'
import { afterwards, argsOf } from './testing/looking.js'

const PRIVATE = Flag.Anon | Flag.VmaAnon | Flag.VmaMaywrite
const touch = (vpn: number, newPfn: number, order = 0) => ({
  kind: Kind.AnonNew,
  mm: 1,
  tgid: 10,
  vpn,
  newPfn,
  order,
})
const fork = { kind: Kind.ForkVma, mm: 1, tgid: 10, otherMm: 2, vpn: 0, pages: 4096, flags: PRIVATE }
const fault = { kind: Kind.WpFault, tgid: 10, flags: PRIVATE | Flag.Write }
const edges = (facts: Parameters<typeof argsOf>[0]) =>
  argsOf(facts, 'edge').map(([, kind, from, to]) => [kind, from, to])

describe('swap', () => {
  const out = { kind: Kind.SwapOut, mm: 1, vpn: 5, oldPfn: 50, aux: 77 }
  const into = { kind: Kind.SwapIn, mm: 1, vpn: 5, newPfn: 60, aux: 77 }
  test('what comes in from the entry descends from what went out to it', () => {
    const { seen, facts } = afterwards(
      [touch(5, 50), out, { kind: Kind.FrameFree, oldPfn: 50 }, into],
      (view) => view.slotAt(1, 5),
    )
    expect(seen).toMatchObject({ pfn: 60, cause: Cause.SwapIn, isCertain: true, mayBeShared: true })
    expect(edges(facts)).toEqual([[EdgeKind.Swap, 1, 2]])
  })

  test('a slot that is swapped out maps nothing', () => {
    expect(afterwards([touch(5, 50), out], (view) => view.slotAt(1, 5)).seen).toBeUndefined()
  })

  test('a child that was forked meanwhile has the entry too', () => {
    const child = { ...into, mm: 2, newPfn: 61 }
    expect(edges(afterwards([touch(5, 50), out, fork, child], () => 0).facts)).toEqual([
      [EdgeKind.Swap, 1, 2],
    ])
  })

  test('another entry is no descent, and the same frame is none either', () => {
    expect(edges(afterwards([touch(5, 50), out, { ...into, aux: 78 }], () => 0).facts)).toEqual([])
    expect(edges(afterwards([touch(5, 50), out, { ...into, newPfn: 50 }], () => 0).facts)).toEqual([])
  })
})

test('migration moves every slot of the folio, and leaves the pins where they were', () => {
  const pin = { kind: Kind.Gup, mm: 1, vpn: 5, oldPfn: 50, pages: 1, aux: Foll.Pin, flags: PRIVATE }
  const migrate = { kind: Kind.Migrate, oldPfn: 50, newPfn: 80 }
  const { seen, facts } = afterwards([touch(5, 50), fork, pin, migrate], (view) => ({
    slots: view.slotsOf(80).map(({ mm, vpn, brokenSeq }) => [mm, vpn, brokenSeq]),
    pins: [view.pinsOn(50, 1).length, view.pinsOn(80, 1).length, view.pinsIn(1, 5, 1).length],
  }))
  expect(seen.slots.sort()).toEqual([
    [1, 5, 1],
    [2, 5, 0],
  ])
  expect(seen.pins).toEqual([1, 0, 0])
  expect(edges(facts)).toEqual([[EdgeKind.Migrate, 1, 2]])
})

test('a merge by KSM maps the KSM page, which others map already', () => {
  const becomes = { kind: Kind.KsmMerge, mm: 1, vpn: 5, oldPfn: 50, newPfn: 50 }
  const merge = { ...becomes, vpn: 6, oldPfn: 51 }
  const { seen, facts, counts } = afterwards([touch(5, 50), touch(6, 51), becomes, merge], (view) =>
    view.slotsOf(50).map(({ vpn, mayBeShared }) => [vpn, mayBeShared]),
  )
  expect(seen).toEqual([
    [6, true],
    [5, true],
  ])
  expect(edges(facts)).toEqual([[EdgeKind.Ksm, 2, 1]])
  expect(counts.anomalies).toEqual({})
})

test('mremap moves slots, with what is known of them, and a huge page that does not fit becomes pages', () => {
  const remap = { kind: Kind.Remap, mm: 1, vpn: 512, pages: 513 }
  const events = [touch(512, 1024, 9), touch(1024, 50)]
  const aligned = afterwards([...events, { ...remap, aux: 4096 }], (view) =>
    [512, 4096, 4100, 4608].map((vpn) => view.slotAt(1, vpn)),
  )
  expect(aligned.seen).toMatchObject([
    undefined,
    { pfn: 1024, isPmdMapped: true, cause: Cause.Remap, isCertain: true, brokenSeq: 1 },
    { pfn: 1028, isPmdMapped: true },
    { pfn: 50 },
  ])
  const shifted = afterwards([...events, { ...remap, aux: 4097 }], (view) => view.slotAt(1, 4101))
  expect(shifted.seen).toMatchObject({ pfn: 1028, isPmdMapped: false })
  expect(shifted.counts.anomalies).toEqual({})
  const over = afterwards([...events, { ...remap, aux: 600 }], (view) => view.slotAt(1, 512)?.pfn)
  expect([over.seen, over.counts.anomalies]).toEqual([1024, { 'impossible-range': 1 }])
})

test('a collapse puts one folio in the place of many pages', () => {
  const collapse = { kind: Kind.Collapse, mm: 1, vpn: 512, pages: 512, newPfn: 2048, order: 9 }
  const { seen, facts } = afterwards([touch(512, 50), touch(700, 51), touch(1024, 52), collapse], (view) =>
    [600, 700, 1024].map((vpn) => view.slotAt(1, vpn)?.pfn),
  )
  expect(seen).toEqual([2136, 2236, 52])
  const ended = argsOf(facts, 'slotEnded').map(([slot, , cause]) => [slot, cause])
  expect(ended.sort()).toEqual([
    [1, Cause.Collapse],
    [2, Cause.Collapse],
  ])
  expect(edges(facts).sort()).toEqual([
    [EdgeKind.Collapse, 1, 4],
    [EdgeKind.Collapse, 2, 4],
  ])
  const refused = afterwards(
    [touch(512, 50), { ...collapse, outcome: Outcome.Failed }],
    (view) => view.slotAt(1, 512)?.pfn,
  )
  expect(refused.seen).toBe(50)
})

describe('a huge page', () => {
  const huge = touch(512, 1024, 9)
  const split = { kind: Kind.PmdSplit, mm: 1, vpn: 512, pages: 512, oldPfn: 1024, order: 9, flags: PRIVATE }
  test('is one slot until its pages part, each of which is known without an event of its own', () => {
    const copy = { ...fault, mm: 1, vpn: 515, oldPfn: 1027, newPfn: 60, order: 9, outcome: Outcome.Copy }
    const { seen, facts, counts } = afterwards([huge, split, copy], (view) =>
      [512, 514, 515, 1023, 1024].map((vpn) => view.slotAt(1, vpn)?.pfn),
    )
    expect(seen).toEqual([1024, 1026, 60, 1535, undefined])
    expect(counts).toMatchObject({ slots: 512, anomalies: {} })
    expect(argsOf(facts, 'slotMapped').map(([, , vpn]) => vpn)).toEqual([512, 515, 515])
  })

  test('that is split marks the pins of its pages, and goes on', () => {
    const pin = { kind: Kind.Gup, mm: 1, vpn: 515, oldPfn: 1027, pages: 1, order: 9, aux: Foll.Pin }
    const flags = PRIVATE | Flag.PmdMapped
    const { seen, counts } = afterwards([huge, { ...pin, flags }, split], (view) => ({
      splitNs: view.pinsIn(1, 515, 1).map((each) => each.splitNs),
      slot: view.slotAt(1, 515),
    }))
    expect(seen.splitNs).toEqual([1e9 + 3000])
    expect(seen.slot).toMatchObject({ pfn: 1027, isPmdMapped: false, isCertain: true })
    expect(counts.slots).toBe(1)
  })

  test('is shared by fork as one', () => {
    const { seen, counts } = afterwards([huge, fork], (view) => view.slotsOf(1024 + 77))
    expect(seen).toMatchObject([
      { mm: 2, vpn: 589, isPmdMapped: true, isCertain: false, mayBeShared: true },
      { mm: 1, vpn: 589, isPmdMapped: true, isCertain: true, mayBeShared: true },
    ])
    expect(counts.slots).toBe(2)
  })

  test('that fork mapped is known to be mapped by fork page by page, when it was split and a page of it is seen', () => {
    const seenThere = { ...fault, mm: 2, vpn: 515, oldPfn: 1027, newPfn: 1027, outcome: Outcome.Reuse }
    const { seen } = afterwards([huge, fork, { ...split, mm: 2 }, seenThere], (view) => view.slotAt(2, 515))
    expect(seen).toMatchObject({ pfn: 1027, isPmdMapped: false, cause: Cause.Fork, fromNs: 1e9 + 2000 })
  })

  test('of hugetlb is copied and reused as one', () => {
    const wp = {
      kind: Kind.HugetlbWp,
      mm: 1,
      vpn: 512,
      oldPfn: 1024,
      order: 9,
      flags: PRIVATE | Flag.Hugetlb,
    }
    const { seen, facts } = afterwards(
      [{ ...wp, newPfn: 1024, outcome: Outcome.Reuse }, fork, { ...wp, newPfn: 2048, outcome: Outcome.Copy }],
      (view) => [view.slotAt(1, 600)?.pfn, view.slotAt(2, 600)?.pfn],
    )
    expect(seen).toEqual([2136, 1112])
    expect(edges(facts)).toEqual([[EdgeKind.Copy, 1, 2]])
  })

  test('of which a page is freed by itself has lost that page alone', () => {
    const folioSplit = { kind: Kind.FolioSplit, oldPfn: 1024, order: 9, aux: 0 }
    const { seen } = afterwards([huge, folioSplit, { kind: Kind.FrameFree, oldPfn: 1024 }], (view) =>
      [512, 513].map((vpn) => view.slotAt(1, vpn)),
    )
    expect(seen).toMatchObject([undefined, { pfn: 1025, order: 0, isPmdMapped: false }])
  })
})

describe('what write-protected a page', () => {
  const protect = { kind: Kind.Wrprotect, mm: 1, tgid: 33, vpn: 0, pages: 2 ** 31, aux: Protection.Mprotect }
  const guards = [5, 6].map((vpn, i) => touch(vpn, 50 + i))
  test('is known by its cause until the page is made writable, however large the range was', () => {
    const reuse = { ...fault, mm: 1, vpn: 6, oldPfn: 51, newPfn: 51, outcome: Outcome.Reuse }
    const { seen, counts } = afterwards([...guards, protect, reuse], (view) => [
      view.slotAt(1, 5),
      view.slotAt(1, 6),
    ])
    expect(seen).toMatchObject([
      { protectedBy: Protection.Mprotect, protectedByTgid: 33, protectedNs: 1e9 + 3000 },
      { protectedBy: 0 },
    ])
    expect(counts.slots).toBe(2)
  })

  test('is fork, where fork was the last', () => {
    const { seen } = afterwards([...guards, protect, fork], (view) =>
      [1, 2].map((mm) => view.slotAt(mm, 5)?.protectedBy),
    )
    expect(seen).toEqual([8, 8])
  })

  test('goes along when the page is moved', () => {
    const remap = { kind: Kind.Remap, mm: 1, vpn: 5, pages: 1, aux: 2 ** 33 }
    const { seen } = afterwards([...guards, protect, remap], (view) => view.slotAt(1, 2 ** 33)?.protectedBy)
    expect(seen).toBe(Protection.Mprotect)
  })
})

describe('a snapshot', () => {
  const snapshot = { kind: Kind.Snapshot, mm: 1, vpn: 5, pages: 3, oldPfn: 50, flags: PRIVATE }
  test('is certain, told again changes nothing, and what events have said since is not undone', () => {
    const copy = { ...fault, mm: 1, vpn: 6, oldPfn: 51, newPfn: 60, outcome: Outcome.Copy }
    const { seen, facts, counts } = afterwards([snapshot, copy, snapshot], (view) =>
      [5, 6, 7].map((vpn) => view.slotAt(1, vpn)),
    )
    expect(seen).toMatchObject([
      { pfn: 50, cause: Cause.Snapshot, isCertain: true },
      { pfn: 60 },
      { pfn: 52, cause: Cause.Snapshot },
    ])
    expect(argsOf(facts, 'slotMapped')).toHaveLength(4)
    expect(counts.anomalies).toEqual({})
  })

  test('of a huge page is one slot', () => {
    const huge = {
      ...snapshot,
      vpn: 512,
      pages: 1024,
      oldPfn: 1024,
      order: 9,
      flags: PRIVATE | Flag.PmdMapped,
    }
    const { seen, counts } = afterwards([huge], (view) => view.slotAt(1, 1500))
    expect(seen).toMatchObject({ pfn: 2012, isPmdMapped: true })
    expect(counts.slots).toBe(2)
  })
})

test('an exec is another address space of the same process', () => {
  const { seen } = afterwards([touch(5, 50), { kind: Kind.Exec, mm: 1, tgid: 10, otherMm: 2 }], (view) => [
    view.tgidOf(view.mmOf(2)),
    view.slotAt(2, 5),
  ])
  expect(seen).toEqual([10, undefined])
})
