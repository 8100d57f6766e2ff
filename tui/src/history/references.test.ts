import { describe, expect, test } from 'vitest'
import { PinEnd } from '../model/facts.js'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import type { HistoryView } from './judge.js'
import { afterwards, argsOf } from './testing/looking.js'

const touch = (vpn: number, newPfn: number) => ({ kind: Kind.AnonNew, mm: 1, tgid: 10, vpn, newPfn })
const gup = {
  kind: Kind.Gup,
  mm: 1,
  tgid: 10,
  vpn: 5,
  oldPfn: 50,
  pages: 4,
  flags: Flag.Anon,
  aux: Foll.Pin | Foll.Write,
}
const unpin = { kind: Kind.Unpin, tgid: 10, oldPfn: 50, pages: 1 }
const four = [50, 51, 52, 53].map((pfn, i) => touch(5 + i, pfn))
const held = (pfn: number) => (view: Parameters<Parameters<typeof afterwards>[1]>[0]) =>
  view.pinsOn(pfn, 1).map((pin) => pin.held)

describe('a run of pages that GUP returned', () => {
  test('is a pin, told with who asked for what, and its slots are what it says', () => {
    const { seen, facts } = afterwards(
      [{ ...gup, tid: 11, stack: 3, aux: 7 * 2 ** 32 + Foll.Pin }],
      (view) => [view.hasPins, view.slotAt(1, 8)?.pfn, view.pinsIn(1, 8, 100).length, view.pinsIn(1, 9, 100)],
    )
    expect(seen).toEqual([true, 53, 1, []])
    expect(argsOf(facts, 'pinTaken')).toMatchObject([
      [
        {
          pin: 1,
          mm: 1,
          vpn: 5,
          pages: 4,
          pfn: 50,
          foll: Foll.Pin,
          tgid: 10,
          tid: 11,
          stack: 3,
          call: 7,
          seq: 1,
        },
      ],
    ])
  })

  test('is no pin where the call asked for no reference', () => {
    const { seen } = afterwards([{ ...gup, aux: Foll.Write }], (view) => view.hasPins)
    expect(seen).toBe(false)
  })

  test('is of no slot where a file was asked: a pin on frames, of who asked, until it is given back', () => {
    const aux = Foll.Pin | Foll.Longterm | Foll.File
    const ofFile = { ...gup, vpn: 0, aux, flags: Flag.File }
    const taken = afterwards([ofFile], (view) => [
      view.pinsOn(51, 1).map(({ mm, held }) => [mm, held]),
      view.slotAt(1, 0),
      view.pinsIn(1, 0, 100),
    ])
    expect(taken.seen).toEqual([[[1, 4]], undefined, []])
    const { counts } = afterwards([ofFile, { ...unpin, pages: 4 }], () => undefined)
    expect([counts.pins, counts.anomalies]).toEqual([0, {}])
  })

  test('is given back page by page, by other tasks too, and ends with the last one', () => {
    const back = [52, 50, 53].map((oldPfn) => ({ ...unpin, tgid: 99, oldPfn }))
    const before = afterwards([...four, gup, ...back], (view) => [
      ...view.pinsOn(50, 1),
      ...view.pinsOn(51, 1).map((pin) => pin.held),
    ])
    expect(before.seen).toEqual([1])
    expect(argsOf(before.facts, 'pinEnded')).toEqual([])
    const { seen, facts, counts } = afterwards(
      [...four, gup, ...back, { ...unpin, oldPfn: 51 }],
      (view) => view.hasPins,
    )
    expect(seen).toBe(false)
    expect(argsOf(facts, 'pinEnded').map(([pin, , , end]) => [pin, end])).toEqual([[1, PinEnd.Unpinned]])
    expect(counts).toMatchObject({ pins: 0, anomalies: {} })
  })

  test('is given back by the folio, counted, wherever in the folio it was taken', () => {
    const huge = { ...touch(512, 1024), order: 9 }
    const some = {
      ...gup,
      vpn: 512 + 7,
      oldPfn: 1024 + 7,
      pages: 3,
      order: 9,
      flags: Flag.PmdMapped | Flag.Anon,
    }
    const other = { ...some, vpn: 512 + 100, oldPfn: 1024 + 100, pages: 5 }
    const back = { ...unpin, oldPfn: 1024, order: 9 }
    expect(afterwards([huge, other, some, { ...back, aux: 3 }], held(1024 + 100)).seen).toEqual([5])
    const { seen, counts } = afterwards(
      [huge, other, some, { ...back, aux: 6 }, { ...back, aux: 2 }],
      (view) => view.hasPins,
    )
    expect(seen).toBe(false)
    expect(counts.anomalies).toEqual({})
  })

  test('of a task’s own is given back before that of another', () => {
    const other = { ...gup, tgid: 20 }
    const { facts } = afterwards([...four, gup, other, { ...unpin, tgid: 20, pages: 4 }], held(50))
    expect(argsOf(facts, 'pinEnded').map(([pin]) => pin)).toEqual([2])
  })

  test('by FOLL_GET goes on until its frames are freed, and is known by its latest taking', () => {
    const get = { ...gup, pages: 1, aux: Foll.Get | Foll.Write }
    const { seen, facts, counts } = afterwards([touch(5, 50), get, get, { ...unpin, pages: 1 }], held(50))
    expect(seen).toEqual([1])
    expect(argsOf(facts, 'pinEnded').map(([pin, , , end]) => [pin, end])).toEqual([[1, PinEnd.Forgotten]])
    expect(counts.anomalies).toEqual({ 'unpin-without-pin': 1 })
    const freed = afterwards(
      [touch(5, 50), get, { kind: Kind.FrameFree, oldPfn: 50 }],
      (view) => view.hasPins,
    )
    expect(freed.seen).toBe(false)
    expect(freed.counts.anomalies).toEqual({})
    expect(argsOf(freed.facts, 'pinEnded').map(([, , , end]) => end)).toEqual([PinEnd.FrameFreed])
  })

  test('of the zero page need not be given back', () => {
    const zero = { ...gup, pages: 1, flags: Flag.Zero }
    const { counts } = afterwards([zero, zero, zero], (view) => view.hasPins)
    expect(counts).toMatchObject({ pins: 1, anomalies: {} })
  })

  test('goes on behind the exit of the address space that it was taken through', () => {
    const { seen } = afterwards([gup, { kind: Kind.MmExit, mm: 1 }], (view) => [
      view.pinsOn(50, 1).length,
      view.pinsIn(1, 5, 4),
    ])
    expect(seen).toEqual([1, []])
  })
})

describe('a pin that is no longer seen through its slot', () => {
  const copy = {
    kind: Kind.WpFault,
    mm: 1,
    vpn: 5,
    oldPfn: 50,
    newPfn: 60,
    outcome: Outcome.Copy,
    flags: Flag.Anon,
  }
  test('is still one on its frame', () => {
    const { seen } = afterwards([{ ...gup, pages: 1 }, copy], (view) => [
      view.pinsIn(1, 5, 1).length,
      view.pinsOn(50, 1).length,
      view.pinsOn(60, 1).length,
    ])
    expect(seen).toEqual([0, 1, 0])
  })

  test('is seen at the pages that are as they were', () => {
    const { seen } = afterwards([gup, copy], (view) => [
      view.pinsIn(1, 5, 1).length,
      view.pinsIn(1, 5, 2).length,
    ])
    expect(seen).toEqual([0, 1])
  })
})

describe('what cannot be', () => {
  test.each([
    ['a pin of nothing', { ...gup, oldPfn: 0 }, 'pin-without-frame'],
    ['a pin of 16 TiB', { ...gup, pages: 0xffff_ffff }, 'impossible-range'],
    ['16 TiB given back', { ...unpin, pages: 0xffff_ffff }, 'impossible-range'],
    ['a pin of memory beyond all memory', { ...gup, oldPfn: 2 ** 50 }, 'impossible-range'],
    ['a pin of nobody’s page', { ...gup, mm: 0 }, 'event-without-mm'],
    [
      'a pin of a page whose whole life is known, given back twice',
      { ...unpin, oldPfn: 53 },
      'unpin-without-pin',
    ],
    ['a frame freed under a pin', { kind: Kind.FrameFree, oldPfn: 50 }, 'frame-freed-while-pinned'],
  ])('%s is counted, and told once', (_what, event, name) => {
    const pinned = [...four, { ...gup, pages: 3 }]
    const { facts, counts } = afterwards([...pinned, event, event], () => undefined)
    expect(Object.keys(counts.anomalies)).toEqual([name])
    expect(argsOf(facts, 'anomaly').map(([told]) => told)).toEqual([name])
  })

  test('is not: to give back what was taken before tracing began', () => {
    const { counts } = afterwards([{ ...gup, aux: Foll.Get }, unpin], () => undefined)
    expect(counts.anomalies).toEqual({})
  })

  test('more pins than are kept are forgotten, oldest first, which is a gap', () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ ...gup, pages: 1, vpn: i, oldPfn: 1000 + i }))
    const { seen, facts, counts } = afterwards(many, (view) => view.pinsOn(1099, 1).length, { maxPins: 16 })
    expect(seen).toBe(1)
    expect(counts.pins).toBeLessThanOrEqual(16)
    expect(argsOf(facts, 'gap')).toMatchObject([[{ reason: 'memory' }], [{ reason: 'memory' }]])
    expect(argsOf(facts, 'pinEnded').map(([, , , end]) => end)).toContain(PinEnd.Forgotten)
  })
})

describe('an unpin by another task, of a page that two processes hold', () => {
  const taken = [
    { kind: Kind.AnonNew, mm: 1, tgid: 10, vpn: 5, newPfn: 50 },
    { kind: Kind.ForkVma, mm: 1, tgid: 10, otherMm: 2, vpn: 0, pages: 16, flags: Flag.VmaAnon },
    { kind: Kind.Gup, mm: 1, tgid: 10, vpn: 5, oldPfn: 50, aux: Foll.Pin, flags: Flag.Anon },
    { kind: Kind.Gup, mm: 2, tgid: 20, vpn: 5, oldPfn: 50, aux: Foll.Pin, flags: Flag.Anon },
  ]
  const unpin = (tgid: number) => ({ kind: Kind.Unpin, tgid, oldPfn: 50, pages: 1, aux: 1 })
  const seen = (view: HistoryView) =>
    [1, 2].map((mm) => view.pinsIn(mm, 5, 1).map(({ isCertain }) => isCertain))

  test('may have given back either: of none it is certain then', () => {
    const { seen: pins, counts } = afterwards([...taken, unpin(2)], seen)
    expect(pins).toEqual([[false], [false]])
    expect(counts.pins).toBe(1)
  })

  test('is over with the last of them', () => {
    const { seen: pins, counts } = afterwards([...taken, unpin(2), unpin(2)], seen)
    expect(pins).toEqual([[], []])
    expect(counts.anomalies).toEqual({})
  })

  test('has ended its own where the task is of one of them', () => {
    expect(afterwards([...taken, unpin(20)], seen).seen).toEqual([[true], []])
  })

  test('leaves nothing behind when the frame is freed', () => {
    const { seen: pins, counts } = afterwards(
      [...taken, unpin(2), { kind: Kind.FrameFree, oldPfn: 50 }],
      (view) => view.pinsOn(50, 1),
    )
    expect(pins).toEqual([])
    expect(counts.pins).toBe(0)
  })
})
