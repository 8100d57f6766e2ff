import { describe, expect, test } from 'vitest'
import { Cause } from '../model/facts.js'
import type { EventColumns, LossInfo } from '../model/events.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { History } from './history.js'
import type { HistoryView } from './judge.js'
import { batchOf, type EventRow, numbered } from './testing/events.js'
import { contradictions, factLog } from './testing/fact-log.js'
import { afterwards, argsOf } from './testing/looking.js'

const touch = (mm: number, vpn: number, newPfn: number) => ({ kind: Kind.AnonNew, mm, vpn, newPfn })
const reuse = (mm: number, vpn: number, pfn: number) => ({
  kind: Kind.WpFault,
  mm,
  vpn,
  oldPfn: pfn,
  newPfn: pfn,
  outcome: Outcome.Reuse,
  flags: Flag.Anon,
})
const LOSS: LossInfo = {
  hop: 'ring',
  count: 3,
  leg: 'free',
  firstSeq: 0,
  lastSeq: 0,
  fromNs: 2e9,
  untilNs: 2e9,
}

/** Events, a loss, and events behind it. */
function aroundLoss(
  before: readonly Partial<EventRow>[],
  loss: Partial<LossInfo>,
  after: readonly Partial<EventRow>[],
  look: (view: HistoryView) => void = () => undefined,
) {
  const { sink, facts } = factLog()
  const judge = {
    begin: () => undefined,
    judge: (events: EventColumns, i: number, view: HistoryView) => {
      if (events.kind[i] === Kind.UffdMessage) look(view)
    },
  }
  const history = new History(sink, { judge })
  history.begin(1, 1)
  if (before.length > 0) history.apply(batchOf(numbered(before)))
  history.lose({ ...LOSS, ...loss })
  const late = after.map((event, i) => ({ timeNs: 3e9 + i, ...event }))
  history.apply(batchOf(numbered(late, before.length + 1)))
  history.finish()
  expect(contradictions(facts)).toEqual([])
  return { facts, anomalies: history.counts().anomalies }
}

describe('behind a gap', () => {
  test('a frame that is met in another address space is another life of its page', () => {
    const { facts, anomalies } = aroundLoss([touch(1, 5, 50)], {}, [reuse(2, 9, 50)])
    expect(argsOf(facts, 'frameSeen').map(([, pfn]) => pfn)).toEqual([50, 50])
    expect(argsOf(facts, 'slotEnded').map(([slot, , cause]) => [slot, cause])).toEqual([
      [1, Cause.Contradicted],
    ])
    expect(anomalies).toEqual({})
  })

  test('a frame that is met where it was is the same life', () => {
    const { facts } = aroundLoss([touch(1, 5, 50)], {}, [reuse(1, 5, 50)])
    expect(argsOf(facts, 'frameSeen')).toHaveLength(1)
    expect(argsOf(facts, 'slotMapped')).toHaveLength(1)
  })

  test('a new folio where the free of the old one may have been lost is no anomaly', () => {
    expect(aroundLoss([touch(1, 5, 50)], {}, [touch(1, 6, 50)]).anomalies).toEqual({})
    const { counts } = afterwards([touch(1, 5, 50), touch(1, 6, 50)], () => undefined)
    expect(counts.anomalies).toEqual({ 'frame-not-freed': 1 })
  })

  test('nothing is certain until it is observed again', () => {
    const look = { kind: Kind.UffdMessage, mm: 1 }
    aroundLoss([touch(1, 5, 50), touch(1, 6, 51)], {}, [reuse(1, 6, 51), look], (view) => {
      expect([5, 6].map((vpn) => view.slotAt(1, vpn)?.isCertain)).toEqual([false, true])
      expect([50, 51].map((pfn) => view.isFrameCertain(pfn))).toEqual([false, true])
    })
    expect.assertions(3)
  })
})

describe('a loss that cannot be', () => {
  test.each([
    ['until no time', { untilNs: NaN }],
    ['until the end of time', { untilNs: Infinity }],
    ['of a year', { untilNs: 3e16 }],
    ['that ends before it begins', { fromNs: 3e9, untilNs: 2e9 }],
    ['of no number', { count: NaN }],
    ['of less than nothing', { count: -1 }],
    ['up to no number', { lastSeq: NaN }],
    ['up to a number that none follows', { firstSeq: 1, lastSeq: 2 ** 60 }],
  ])('%s is a gap all the same, and leaves none behind', (_what, loss) => {
    const { facts, anomalies } = aroundLoss([touch(1, 5, 50)], loss, [reuse(1, 5, 51), reuse(1, 5, 52)])
    expect(argsOf(facts, 'gap')).toHaveLength(1)
    expect(anomalies).toEqual({ 'impossible-loss': 1, 'slot-maps-other-frame': 1 })
  })
})

describe('bounds', () => {
  const touches = Array.from({ length: 40 }, (_, i) => touch(1, 1000 + i, 100 + i))
  test('a full table forgets, ends what it forgets, and says so by a gap', () => {
    const { facts, counts } = afterwards(touches, () => undefined, { maxSlots: 16 })
    expect(counts.slots).toBeLessThanOrEqual(16)
    expect(counts.frames).toBeLessThanOrEqual(32)
    const causes = argsOf(facts, 'slotEnded').map(([, , cause]) => cause)
    expect(new Set(causes)).toEqual(new Set([Cause.Forgotten]))
    const gaps = argsOf(facts, 'gap').map(([gap]) => gap as { reason: string; count: number })
    expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['memory']))
    expect(gaps.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(causes.length)
  })

  test('a page that was forgotten and is met again has one interval at a time', () => {
    const again = touches.map(({ mm, vpn, newPfn }) => reuse(mm, vpn, newPfn))
    const { facts, counts } = afterwards([...touches, ...again, ...again], () => undefined, { maxSlots: 16 })
    expect(contradictions(facts)).toEqual([])
    expect(counts.anomalies).toEqual({})
  })

  test('a table that stays full says so once a second, and at the end', () => {
    const slow = Array.from({ length: 4000 }, (_, i) => ({
      ...touch(1, 1000 + i, 100 + i),
      timeNs: 1e9 + i * 1e6,
    }))
    const { facts } = afterwards(slow, () => undefined, { maxSlots: 16 })
    const gaps = argsOf(facts, 'gap').length
    expect(gaps).toBeGreaterThanOrEqual(4)
    expect(gaps).toBeLessThanOrEqual(6)
  })

  test('an address space whose exit never came is forgotten, and is another one when it is met again', () => {
    const many = Array.from({ length: 40 }, (_, i) => touch(1 + i, 5, 100 + i))
    const { facts, counts } = afterwards([...many, reuse(1, 5, 100)], () => undefined, { maxMms: 16 })
    expect(counts.mms).toBeLessThanOrEqual(16)
    expect(argsOf(facts, 'mm')).toHaveLength(41)
    expect(argsOf(facts, 'mmEnded')).toEqual([])
    expect(argsOf(facts, 'slotEnded').map(([, , cause]) => cause)).toContain(Cause.Forgotten)
    expect(contradictions(facts)).toEqual([])
  })

  test('ranges that were write-protected are forgotten, oldest first', () => {
    const pages = Array.from({ length: 10_000 }, (_, i) => i)
    const protect = pages.map((i) => ({ kind: Kind.Wrprotect, mm: 1, vpn: 2 * i, pages: 1, aux: 1 }))
    const { seen } = afterwards([touch(1, 0, 50), touch(1, 19_998, 51), ...protect], (view) =>
      [0, 19_998].map((vpn) => view.slotAt(1, vpn)?.protectedBy),
    )
    expect(seen).toEqual([0, 1])
  })
})
