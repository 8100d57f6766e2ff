import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HistoryView } from '../history/judge.js'
import { batchOf, numbered, type EventRow } from '../history/testing/events.js'
import type { Finding } from '../model/finding.js'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { policyFor } from '../policy/policies.js'
import { RULES } from './catalogue.js'
import { LEGS } from './legs.js'
import { Rules } from './rules.js'
import { ANON, CHILD, fault, PARENT, PFN, pin, READ_GET, said, slot, Stage, viewOf, VPN, WRITE_GET } from './testing/stage.js' // prettier-ignore

const NEW_PFN = 0x6000
const ALL_FLAGS = 2 ** 27 - 1
const forked = slot({ protectedBy: 8, protectedByTgid: 101 })
const copy = fault({ outcome: Outcome.Copy, newPfn: NEW_PFN, refcount: 3, mapcount: 2 })
const hazard = { slots: [forked], pins: [pin(WRITE_GET)] }

describe('one finding for the like', () => {
  test('has a count, and the first and the last evidence', () => {
    const stage = new Stage().judge(hazard, copy, copy, { ...copy, timeNs: 5e9 })
    const [finding, ...others] = stage.findings('R05')
    expect(others).toEqual([])
    expect(finding).toMatchObject({
      count: 3,
      firstNs: copy.timeNs,
      lastNs: 5e9,
      first: { seq: 1 },
      last: { seq: 3 },
    })
  })

  test('is another where the kind of reference, who took it, the owner or the cause is another', () => {
    const stage = new Stage()
      .judge(hazard, copy)
      .judge({ ...hazard, pins: [pin(READ_GET)] }, copy)
      .judge({ ...hazard, pins: [pin({ ...WRITE_GET, stack: 8 })] }, copy)
      .judge({ ...hazard, slots: [slot()] }, copy)
      .judge(
        { slots: [{ ...forked, mm: CHILD }], pins: [pin({ ...WRITE_GET, mm: CHILD })] },
        { ...copy, mm: CHILD },
      )
    expect(stage.findings('R05').map(({ finding, mm, cause, count }) => [finding, mm, cause, count])).toEqual(
      [
        [1, PARENT, 'fork', 1],
        [2, PARENT, 'fork', 1],
        [3, PARENT, 'fork', 1],
        [4, PARENT, 'copy', 1],
        [5, CHILD, 'fork', 1],
      ],
    )
  })

  test('too many to keep apart become one of no owner for each rule, verdict and size', () => {
    const stage = new Stage({ maxFindings: 2 })
    for (let stack = 0; stack < 10; stack++)
      stage.judge({ ...hazard, pins: [pin({ ...WRITE_GET, stack })] }, copy)
    expect(stage.findings('R05').map(({ cause, mm, count }) => [cause, mm, count])).toEqual([
      ['fork', PARENT, 1],
      ['fork', PARENT, 1],
      ['others', 0, 8],
    ])
    expect(stage.rules.lumped).toBe(8)
  })
})

describe('the sink', () => {
  test('hears of a finding at once, of its changes by the second of the events, and of the rest at the end', () => {
    const told: string[] = []
    const rules = new Rules({
      policy: policyFor('6.1.0'),
      legs: LEGS.map((name) => ({ name, attached: true })),
      sink: {
        finding: ({ rule, count }) => told.push(`${rule} ${count}`),
        ruleCounts: () => told.push('counts'),
      },
    })
    const at = (timeNs: number) => ({ ...copy, timeNs })
    const { events } = batchOf(numbered([at(1e9), at(1.1e9), at(1.2e9), at(2.5e9), at(2.6e9)]))
    for (let i = 0; i < events.length; i++) rules.judge(events, i, viewOf(hazard))
    expect(told).toEqual(['R05 1', 'R05 4', 'counts'])
    rules.finish()
    expect(told).toEqual(['R05 1', 'R05 4', 'counts', 'R05 5', 'counts'])
  })
})

describe('counts', () => {
  test('what R01 to R09 answer about huge pages is counted for R15 and R16, too; the finding stays theirs', () => {
    const huge = { ...copy, order: 9 }
    const hugetlb = { ...copy, kind: Kind.HugetlbWp, order: 9, flags: ANON | Flag.Hugetlb, refcount: 4 }
    const stage = new Stage().judge(hazard, { ...huge, flags: ANON | Flag.Large }, hugetlb, copy)
    expect(stage.answers('R05')).toBe('broken 2, unknown 1')
    expect(
      stage.counts.filter(({ rule }) => rule === 'R15' || rule === 'R16').map(({ size }) => size),
    ).toEqual(['pte-mapped', 'hugetlb'])
    expect(stage.answers('R16')).toContain('broken 1')
    expect([...stage.told.values()].map(({ rule }) => rule)).not.toContain('R16')
  })

  test('of each rule and size add up', () => {
    const stage = new Stage().judge(hazard, copy, fault({ outcome: Outcome.Reuse }), fault())
    for (const { checked, held, broken, unknown } of stage.counts)
      expect(checked).toBe(held + broken + unknown)
  })
})

describe('a leg that is missing', () => {
  test.each(RULES.flatMap(({ id, needs }) => needs.map((leg) => [id, leg] as const)))(
    '%s without %s cannot say anything',
    (id, leg) => {
      const rule = RULES.find((one) => one.id === id)
      const kinds = Object.keys(rule?.begin() ?? {}).map(Number)
      const events = kinds.flatMap((kind) =>
        Object.values(Outcome).map((outcome) => ({ ...copy, kind, outcome, flags: ALL_FLAGS })),
      )
      expect(new Stage({ without: [leg] }).judge(hazard, ...events).answers(id)).toMatch(/^unknown \d+$/)
    },
  )

  test('is missing also where the agent does not know it', () => {
    const rules = new Stage({ without: LEGS }).judge(hazard, copy)
    expect(rules.findings('R05')).toEqual([])
    expect(rules.answers('R05')).toBe('unknown 1')
  })
})

test('a reference on a file that was taken through no slot is nothing that a rule is about', () => {
  const gup = { kind: Kind.Gup, mm: PARENT, vpn: VPN, oldPfn: PFN, pages: 1, flags: Flag.File }
  const aux = Foll.Pin | Foll.Longterm
  const answers = (asked: number) => {
    const stage = new Stage().judge({}, { ...gup, aux: asked })
    return stage.counts.reduce((sum, { checked }) => sum + checked, 0)
  }
  expect(answers(aux)).toBeGreaterThan(0)
  expect(answers(aux | Foll.File)).toBe(0)
})

test('another run of the agent begins without memory of tasks', () => {
  const retry = fault({ outcome: Outcome.Retry, aux: Foll.Get, flags: Flag.InGup })
  const stage = new Stage().judge({}, ...Array.from({ length: 6 }, () => retry))
  stage.rules.begin()
  stage.judge({}, ...Array.from({ length: 6 }, () => retry))
  expect(stage.findings('R11')).toEqual([])
})

/** Anything that columns can hold, near the slot and the frame that the view knows. */
const row: fc.Arbitrary<Partial<EventRow>> = fc.record({
  kind: fc.oneof(fc.constantFrom(...Object.values(Kind)), fc.nat(255)),
  outcome: fc.oneof(fc.constantFrom(...Object.values(Outcome)), fc.nat(255)),
  order: fc.oneof(fc.constantFrom(0, 4, 9, 18), fc.nat(255)),
  timeNs: fc.oneof(fc.nat(3e9), fc.constantFrom(0, Number.MAX_SAFE_INTEGER)),
  tgid: fc.constantFrom(0, 101, 102),
  tid: fc.nat(3),
  mm: fc.nat(3),
  otherMm: fc.nat(3),
  vpn: fc.oneof(fc.integer({ min: VPN - 2, max: VPN + 2 }), fc.constantFrom(0, 2 ** 53 - 1)),
  pages: fc.oneof(fc.nat(600), fc.constantFrom(0, 2 ** 32 - 1)),
  oldPfn: fc.oneof(fc.integer({ min: PFN - 2, max: PFN + 2 }), fc.constantFrom(0, 2 ** 53 - 1)),
  newPfn: fc.oneof(fc.constantFrom(0, PFN, NEW_PFN), fc.nat()),
  aux: fc.oneof(fc.nat(31), fc.constantFrom(0, 2 ** 32 + 5, 2 ** 53 - 1)),
  flags: fc.oneof(fc.nat(2 ** 27 - 1), fc.constant(ANON)),
  refcount: fc.oneof(fc.nat(4), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  mapcount: fc.oneof(fc.nat(3), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  pincount: fc.oneof(fc.nat(1), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  newRefcount: fc.integer({ min: -1, max: 5 }),
})
const rows = fc.array(row, { minLength: 1, maxLength: 40 })
const kernel = fc.constantFrom('5.3.0', '5.8.0', '5.10.0', '6.1.0', '7.2.0')
const pins = [
  pin(),
  pin({ ...READ_GET, pin: 2, mm: CHILD, pages: 2, held: 2 }),
  pin({ ...WRITE_GET, pin: 3 }),
]
const slots = [slot({ brokenSeq: 1 }), slot({ mm: CHILD, protectedBy: 8 })]
const doubtful = pins.map((one) => ({ ...one, isCertain: false }))
/** Of what a slot was before the event, the event says nothing. */
const BY_SLOTS: readonly string[] = ['R03', 'R05', 'R07', 'R13', 'A02', 'A03']
const BY_STATE = RULES.filter(({ judgesBy }) => judgesBy === 'state').map(({ id }) => id)

describe('whatever events say', () => {
  test('it is no error, every answer is counted, and every finding is complete', () => {
    fc.assert(
      fc.property(rows, kernel, (events, release) => {
        const stage = new Stage({ kernel: release }).judge({ slots, pins }, ...events)
        for (const { count, first, last, cause } of stage.told.values()) {
          expect(count).toBeGreaterThan(0)
          expect(first.seq).toBeLessThanOrEqual(last.seq)
          expect(cause).not.toBe('')
          expect(first.words).not.toMatch(/NaN|undefined|Infinity/)
        }
        const broken = stage.counts.filter(({ rule }) => rule !== 'R15' && rule !== 'R16')
        const found = [...stage.told.values()].reduce((sum, { count }) => sum + count, 0)
        expect(broken.reduce((sum, count) => sum + count.broken, 0)).toBe(found)
      }),
    )
  })

  test('no rule that goes by the state finds anything near a gap', () => {
    fc.assert(
      fc.property(rows, kernel, (events, release) => {
        const found = judgedBy(nearGap(viewOf({ slots, pins: doubtful })), release, events)
        expect(found.filter(({ rule }) => BY_STATE.includes(rule)).map(said)).toEqual([])
      }),
    )
  })

  test('no rule that goes by what slots were finds anything of slots in doubt', () => {
    fc.assert(
      fc.property(rows, kernel, (events, release) => {
        const found = judgedBy(withDoubtedSlots(viewOf({ slots, pins })), release, events)
        expect(found.filter(({ rule }) => BY_SLOTS.includes(rule)).map(said)).toEqual([])
      }),
    )
  })

  test('rules that go by the event alone say the same whatever is uncertain', () => {
    fc.assert(
      fc.property(rows, kernel, (events, release) => {
        const byEvent = (view: HistoryView) =>
          judgedBy(view, release, events)
            .filter(({ rule }) => !BY_STATE.includes(rule))
            .map((finding) => `${finding.rule} ${said(finding)} ${finding.count}`)
        const view = viewOf({ slots, pins })
        expect(byEvent(nearGap(view))).toEqual(byEvent(view))
      }),
    )
  })

  test('no pin in doubt is ever the reference of an accusation', () => {
    fc.assert(
      fc.property(rows, kernel, (events, release) => {
        const found = judgedBy(viewOf({ slots, pins: doubtful }), release, events)
        expect(found.filter(({ first }) => (first.reference?.pin ?? 0) > 0).map(said)).toEqual([])
      }),
    )
  })

  test('the cut into batches changes no finding', () => {
    fc.assert(
      fc.property(rows, fc.array(fc.nat(40), { maxLength: 5 }), kernel, (events, cuts, release) => {
        const whole = judgedBy(viewOf({ slots, pins }), release, events)
        expect(judgedBy(viewOf({ slots, pins }), release, events, cuts)).toEqual(whole)
      }),
    )
  })
})

function nearGap(view: HistoryView): HistoryView {
  return { ...withDoubtedSlots(view), isFrameCertain: () => false }
}

function withDoubtedSlots(view: HistoryView): HistoryView {
  return {
    ...view,
    slotAt: (mm, vpn) => {
      const known = view.slotAt(mm, vpn)
      return known && { ...known, isCertain: false }
    },
  }
}

/** What is found at the end; events are cut into batches at `cuts`. */
function judgedBy(
  view: HistoryView,
  release: string,
  events: readonly Partial<EventRow>[],
  cuts: readonly number[] = [],
): readonly Finding[] {
  const told = new Map<number, Finding>()
  const rules = new Rules({
    policy: policyFor(release),
    legs: LEGS.map((name) => ({ name, attached: true })),
    sink: { finding: (finding) => told.set(finding.finding, finding), ruleCounts: () => undefined },
  })
  const all = numbered(events)
  const ends = [...cuts, all.length].filter((at) => at <= all.length).sort((a, b) => a - b)
  let from = 0
  for (const until of ends) {
    const batch = batchOf(all.slice(from, until)).events
    for (let i = 0; i < batch.length; i++) rules.judge(batch, i, view)
    from = until
  }
  rules.finish()
  return [...told.values()]
}
