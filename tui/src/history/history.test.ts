import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind, type MmFact } from '../model/facts.js'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { History, type HistoryOptions } from './history.js'
import type { HistoryView, Judge } from './judge.js'
import { batchOf, type EventRow, numbered } from './testing/events.js'
import { contradictions, factLog, type LoggedFact } from './testing/fact-log.js'
import { argsOf } from './testing/looking.js'
import { FIRST_VPN, type Operation, OPERATIONS, PAGES, TinyKernel } from './testing/tiny-kernel.js'

const PRIVATE = Flag.Anon | Flag.VmaAnon | Flag.VmaMaywrite

function concluded(
  batches: readonly (readonly EventRow[])[],
  options?: HistoryOptions,
): { facts: readonly LoggedFact[]; history: History } {
  const { sink, facts } = factLog()
  const history = new History(sink, options)
  history.begin(1, 1)
  for (const batch of batches) history.apply(batchOf(batch))
  history.finish()
  return { facts, history }
}

/** Page -> pfn of one address space (the recording's number), as the facts leave it. */
function mappedAtEnd(facts: readonly LoggedFact[], mm: number): ReadonlyMap<number, number> {
  const pfns = new Map(argsOf(facts, 'frameSeen').map(([frame, pfn]) => [frame, pfn as number]))
  const ended = new Set(argsOf(facts, 'slotEnded').map(([slot]) => slot))
  const open = argsOf(facts, 'slotMapped').filter(([slot, of]) => of === mm && !ended.has(slot))
  return new Map(open.map(([, , vpn, frame]) => [vpn as number, pfns.get(frame) ?? NaN]))
}

/** What the view shows that an address space maps. */
function mapsOf(view: HistoryView, mm: number): ReadonlyMap<number, number> {
  const slots = Array.from({ length: PAGES + 1 }, (_, page) => view.slotAt(mm, FIRST_VPN + page))
  return new Map(slots.flatMap((slot) => (slot === undefined ? [] : [[slot.vpn, slot.pfn]])))
}

/** A frame for each reference that the view shows on it; each pin is shown with what it holds. */
function heldOf(view: HistoryView, kernel: TinyKernel): number[] {
  const frames = [...new Set(kernel.pinned)].sort((x, y) => x - y)
  const pins = new Set(frames.flatMap((pfn) => view.pinsOn(pfn, 1)))
  const shown = frames.flatMap((pfn) => view.pinsOn(pfn, 1).map(() => pfn))
  expect([...pins].reduce((sum, { held }) => sum + held, 0)).toBe(shown.length)
  expect(view.pinsOn(0, 0xffff_ffff)).toHaveLength(pins.size)
  return shown
}

function numberOf(facts: readonly LoggedFact[], agentMm: number): number {
  const mms = argsOf(facts, 'mm').map(([fact]) => fact as MmFact)
  return mms.find((fact) => fact.agentMm === agentMm)?.mm ?? 0
}

const operations = fc.array(
  fc.record<Operation>({
    what: fc.constantFrom('touch', 'touch', 'write', 'write', ...OPERATIONS),
    who: fc.nat(4),
    page: fc.nat(7),
  }),
  { maxLength: 200 },
)

function happened(done: readonly Operation[]): { kernel: TinyKernel; rows: readonly EventRow[] } {
  const kernel = new TinyKernel()
  for (const operation of done) kernel.do(operation)
  return { kernel, rows: numbered(kernel.events) }
}

function splitAt(rows: readonly EventRow[], cuts: readonly number[]): (readonly EventRow[])[] {
  const places = [0, ...cuts.map((cut) => cut % (rows.length + 1)), rows.length].sort((a, b) => a - b)
  return places.slice(1).map((to, i) => rows.slice(places[i], to))
}

describe('what a copy-on-write fault does', () => {
  const write = { kind: Kind.WpFault, mm: 7, tgid: 70, vpn: 5, flags: PRIVATE | Flag.Write }

  test('a copy ends one interval and begins the next, with an edge between the frames', () => {
    const { facts } = concluded([numbered([{ ...write, oldPfn: 50, newPfn: 60, outcome: Outcome.Copy }])])
    const at = 1e9 + 1000
    expect(facts.filter(({ name }) => name !== 'mm' && name !== 'rate')).toEqual([
      { name: 'frameSeen', args: [1, 50, 0, FrameKind.Anon, at, 1] },
      { name: 'slotMapped', args: [1, 1, 5, 1, at, Cause.Seen, 1, true] },
      { name: 'slotEnded', args: [1, at, Cause.Copy, 1, 1, 5] },
      { name: 'frameSeen', args: [2, 60, 0, FrameKind.Anon, at, 1] },
      { name: 'slotMapped', args: [2, 1, 5, 2, at, Cause.Copy, 1, true] },
      { name: 'edge', args: [1, EdgeKind.Copy, 1, 2, 1, 5, at, 1] },
    ])
  })

  test('a reuse goes on with the interval', () => {
    const reuse = { ...write, oldPfn: 50, newPfn: 50, outcome: Outcome.Reuse }
    const { facts } = concluded([numbered([reuse, reuse, reuse])])
    expect(argsOf(facts, 'slotMapped')).toHaveLength(1)
    expect(argsOf(facts, 'slotEnded')).toEqual([])
  })

  test('a fault that has to be retried says nothing of the slot', () => {
    const { facts } = concluded([numbered([{ ...write, oldPfn: 50, outcome: Outcome.Retry }])])
    expect(argsOf(facts, 'slotMapped')).toEqual([])
  })

  test('another frame than expected ends the interval as contradicted, and is counted', () => {
    const { facts, history } = concluded([
      numbered([
        { ...write, oldPfn: 50, newPfn: 50, outcome: Outcome.Reuse },
        { ...write, oldPfn: 51, newPfn: 51, outcome: Outcome.Reuse },
      ]),
    ])
    expect(argsOf(facts, 'slotEnded').map(([, , cause]) => cause)).toEqual([Cause.Contradicted])
    expect(history.counts().anomalies).toEqual({ 'slot-maps-other-frame': 1 })
  })

  test('behind a gap the same is no anomaly', () => {
    const { sink, facts } = factLog()
    const history = new History(sink)
    history.begin(1, 1)
    const reuse = (pfn: number) => ({ ...write, oldPfn: pfn, newPfn: pfn, outcome: Outcome.Reuse })
    history.apply(batchOf(numbered([reuse(50)])))
    const span = { firstSeq: 2, lastSeq: 4, fromNs: 1e9 + 1000, untilNs: 1e9 + 4000 }
    history.lose({ hop: 'client-queue', count: 3, leg: '', ...span })
    history.apply(batchOf(numbered([reuse(51)], 5)))
    history.finish()
    expect(history.counts().anomalies).toEqual({})
    expect(argsOf(facts, 'gap')).toEqual([[{ run: 1, reason: 'client-queue', count: 3, leg: '', ...span }]])
    expect(mappedAtEnd(facts, 1)).toEqual(new Map([[5, 51]]))
  })

  test('a copy out of a large folio names the page that was copied, and copies a base page', () => {
    const { facts } = concluded([
      numbered([{ ...write, vpn: 515, oldPfn: 1027, newPfn: 60, order: 9, outcome: Outcome.Copy }]),
    ])
    expect(argsOf(facts, 'frameSeen').map(([, pfn, order]) => [pfn, order])).toEqual([
      [1027, 9],
      [60, 0],
    ])
  })

  test('a huge fault that is reused maps the head; its free ends what pages of it were mapped by', () => {
    const huge = { ...write, kind: Kind.HugeWp, vpn: 512, oldPfn: 1024, order: 9, pages: 512 }
    const { facts, history } = concluded([
      numbered([
        { ...huge, newPfn: 1024, outcome: Outcome.Reuse },
        { ...huge, newPfn: 0, outcome: Outcome.Fallback },
        { ...write, vpn: 515, oldPfn: 1027, newPfn: 1027, order: 9, outcome: Outcome.Reuse },
        { kind: Kind.FrameFree, oldPfn: 1024, order: 9 },
      ]),
    ])
    expect(argsOf(facts, 'slotMapped').map(([, , vpn]) => vpn)).toEqual([512, 515])
    expect(argsOf(facts, 'slotEnded').map(([, , cause]) => cause)).toEqual([Cause.FrameFree, Cause.FrameFree])
    expect(history.counts()).toMatchObject({ slots: 0, frames: 0, anomalies: {} })
  })
})

describe('what fork does', () => {
  const touch = { kind: Kind.AnonNew, mm: 1, tgid: 10, vpn: 5, newPfn: 50 }
  const fork = { kind: Kind.ForkVma, mm: 1, tgid: 10, otherMm: 2, vpn: 0, pages: 100, flags: PRIVATE }

  test('the child shares the frames, which is deduced and says so', () => {
    const { facts } = concluded([numbered([touch, fork])])
    expect(argsOf(facts, 'slotMapped')[1]).toEqual([2, 2, 5, 1, 1e9 + 2000, Cause.Fork, 2, false])
    expect(argsOf(facts, 'mm')[1]).toMatchObject([{ mm: 2, parentMm: 1, bornBy: 'fork' }])
  })

  test.each([
    ['wiped for the child', { flags: PRIVATE | Flag.VmaWipeonfork }],
    ['not copied, because the child can fault it in', { flags: Flag.VmaMaywrite }],
    ['not copied, because memory ran out', { outcome: Outcome.Failed }],
  ])('nothing of a range that is %s is shared', (_why, how) => {
    const { facts } = concluded([numbered([touch, { ...fork, ...how }])])
    expect(argsOf(facts, 'slotMapped')).toHaveLength(1)
  })

  test('a page that was copied early, because it may be pinned, is the child’s own', () => {
    const copy = { kind: Kind.ForkCopy, mm: 1, otherMm: 2, vpn: 5, oldPfn: 50, newPfn: 60, flags: Flag.Anon }
    const { facts } = concluded([numbered([touch, copy, fork])])
    expect(mappedAtEnd(facts, 1)).toEqual(new Map([[5, 50]]))
    expect(mappedAtEnd(facts, 2)).toEqual(new Map([[5, 60]]))
    expect(argsOf(facts, 'edge').map(([, kind, from, to, mm]) => [kind, from, to, mm])).toEqual([
      [EdgeKind.ForkCopy, 1, 2, 2],
    ])
  })

  test('vfork is no fork of memory', () => {
    const { facts } = concluded([
      numbered([touch, { kind: Kind.Fork, mm: 1, tgid: 10, otherMm: 1, otherTgid: 11 }]),
    ])
    expect(argsOf(facts, 'fork')).toEqual([])
  })

  test('one page through three generations of forks is one line of descent', () => {
    const kernel = new TinyKernel()
    kernel.do({ what: 'touch', who: 0, page: 0 })
    for (const who of [0, 1, 2]) {
      kernel.do({ what: 'fork', who, page: 0 })
      kernel.do({ what: 'write', who: who + 1, page: 0 })
    }
    const { facts } = concluded([numbered(kernel.events)])
    expect(argsOf(facts, 'edge').map(([, kind, from, to]) => [kind, from, to])).toEqual([
      [EdgeKind.Copy, 1, 2],
      [EdgeKind.Copy, 2, 3],
      [EdgeKind.Copy, 3, 4],
    ])
  })
})

describe('the stream', () => {
  test('agrees with a kernel that knows what it maps, without an anomaly', () => {
    fc.assert(
      fc.property(operations, (done) => {
        const { kernel, rows } = happened(done)
        const look = { kind: Kind.UffdMessage, mm: kernel.tasks[0].mm }
        const seen = { maps: new Map<number, ReadonlyMap<number, number>>(), held: [] as number[] }
        const judge: Judge = {
          begin: () => undefined,
          judge: (events, i, view) => {
            if (events.kind[i] !== Kind.UffdMessage) return
            for (const { mm } of kernel.tasks) seen.maps.set(mm, mapsOf(view, view.mmOf(mm)))
            seen.held = heldOf(view, kernel)
          },
        }
        const { facts, history } = concluded([[...rows, ...numbered([look], rows.length + 1)]], { judge })
        expect(contradictions(facts)).toEqual([])
        expect(history.counts().anomalies).toEqual({})
        for (const { mm, frames } of kernel.tasks) {
          // Before its first event an address space is not known, and maps nothing.
          expect(seen.maps.get(mm)).toEqual(frames)
          for (const [vpn, pfn] of mappedAtEnd(facts, numberOf(facts, mm))) expect(frames.get(vpn)).toBe(pfn)
        }
        expect(seen.held).toEqual([...kernel.pinned].sort((x, y) => x - y))
        expect(history.counts().events).toBe(rows.length + 1)
      }),
    )
  })

  test('shows nothing as certain that is not so, and accuses nobody, whatever was lost', () => {
    const spans = fc.array(fc.record({ at: fc.nat(300), length: fc.integer({ min: 1, max: 12 }) }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(operations, spans, fc.boolean(), (done, lost, isSlow) => {
        const kernel = new TinyKernel()
        const truths: ReadonlyMap<number, ReadonlyMap<number, number>>[] = []
        const held: (readonly number[])[] = []
        for (const operation of done) {
          kernel.do(operation)
          kernel.events.push({ kind: Kind.UffdMessage, mm: kernel.tasks[0].mm })
          truths[kernel.events.length] = new Map(kernel.tasks.map(({ mm, frames }) => [mm, new Map(frames)]))
          held[kernel.events.length] = [...kernel.pinned]
        }
        const isLost = ({ seq }: EventRow) => lost.some(({ at, length }) => seq >= at && seq < at + length)
        // Slow ones are released from the window one by one, fast ones only at the end.
        const rows = numbered(kernel.events).map((row) => ({
          ...row,
          timeNs: 1e9 + row.seq * (isSlow ? 30e6 : 1e3),
        }))
        const judge: Judge = {
          begin: () => undefined,
          judge: (events, i, view) => {
            if (events.kind[i] !== Kind.UffdMessage) return
            const pinned = held[events.seq[i]]
            for (const [mm, frames] of truths[events.seq[i]])
              for (let vpn = FIRST_VPN; vpn < FIRST_VPN + PAGES; vpn++) {
                const slot = view.slotAt(view.mmOf(mm), vpn)
                if (slot?.isCertain) expect(frames.get(vpn)).toBe(slot.pfn)
              }
            for (const pin of view.pinsOn(0, 0xffff_ffff))
              if (pin.isCertain)
                expect(
                  pinned.filter((pfn) => pfn >= pin.pfn && pfn < pin.pfn + pin.pages).length,
                ).toBeGreaterThanOrEqual(pin.held)
          },
        }
        const { sink, facts } = factLog()
        const history = new History(sink, { judge })
        history.begin(1, 1)
        for (const row of rows) {
          if (!isLost(row)) history.apply(batchOf([row]))
          else
            history.lose({
              hop: 'client-queue',
              count: 1,
              leg: '',
              firstSeq: row.seq,
              lastSeq: row.seq,
              fromNs: row.timeNs,
              untilNs: row.timeNs,
            })
        }
        history.finish()
        expect(history.counts().anomalies).toEqual({})
        expect(contradictions(facts)).toEqual([])
      }),
    )
  })

  test('gives the same facts however it is cut, and however often its parts are delivered', () => {
    fc.assert(
      fc.property(operations, fc.array(fc.nat(500)), fc.array(fc.nat(20)), (done, cuts, again) => {
        const { rows } = happened(done)
        const parts = splitAt(rows, cuts)
        const repeated = parts.flatMap((part, i) =>
          again.includes(i) ? [part, parts[i >> 1], part] : [part],
        )
        expect(concluded(repeated).facts).toEqual(concluded([rows]).facts)
      }),
    )
  })

  test('gives the same facts when neighbours come in another order than they happened', () => {
    fc.assert(
      fc.property(operations, fc.nat(1000), (done, seed) => {
        const { rows } = happened(done)
        // Each block of eight comes in some order; the numbers go by arrival, the times by what happened.
        const shuffled = rows
          .map((row, i) => ({ row, place: (i >> 3) * 8 + ((i * (2 * seed + 1)) & 7) / 8 }))
          .sort((a, b) => a.place - b.place)
          .map(({ row }, i) => ({ ...row, seq: i + 1 }))
        const withoutSeq = (facts: readonly LoggedFact[]) => mapNames(facts)
        expect(withoutSeq(concluded([shuffled]).facts)).toEqual(withoutSeq(concluded([rows]).facts))
      }),
    )
  })

  test('never breaks on events that cannot be, and its facts stay sound', () => {
    const small = fc.nat(12)
    const page = fc.oneof(small, fc.constantFrom(512, 515, 1023, 1024, 1027, 2 ** 40, 2 ** 53 - 1))
    const soup = fc.record({
      kind: fc.nat(28),
      outcome: fc.nat(10),
      order: fc.oneof(fc.nat(3), fc.constantFrom(0, 9, 9, 18, 255)),
      mm: fc.nat(4),
      otherMm: fc.nat(4),
      tgid: small,
      otherTgid: small,
      vpn: page,
      pages: fc.oneof(small, fc.constantFrom(512, 0xffff_ffff)),
      oldPfn: page,
      newPfn: page,
      flags: fc.oneof(fc.constant(PRIVATE), fc.constant(PRIVATE | Flag.PmdMapped), fc.nat(0x7fff_ffff)),
      aux: fc.oneof(small, fc.constantFrom(Foll.Pin, Foll.Get | Foll.Write, 512, 1024, 2 ** 53 - 1)),
      timeNs: fc.oneof(fc.nat(1e6), fc.constantFrom(0, 5e9, 2 ** 53 - 1)),
    })
    const looked = fc.record({ vpn: page, pfn: page, mm: small })
    fc.assert(
      fc.property(
        fc.array(soup, { maxLength: 300 }),
        fc.constantFrom({ maxSlots: 4, maxPins: 2, maxMms: 2 }, { maxSlots: 600 }, {}),
        looked,
        (events, bounds, { vpn, pfn, mm }) => {
          const judge: Judge = {
            begin: () => undefined,
            judge: (_events, _index, view) => {
              view.slotsOf(pfn)
              view.slotAt(mm, vpn)
              view.pinsOn(pfn, 512)
              view.pinsIn(mm, vpn, 0xffff_ffff)
            },
          }
          const { facts } = concluded([numbered(events)], { ...bounds, judge })
          expect(contradictions(facts)).toEqual([])
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** Facts without the sequence numbers, which say in what order things were told. */
function mapNames(facts: readonly LoggedFact[]): readonly unknown[] {
  const seqAt: Partial<Record<LoggedFact['name'], number>> = {
    mmEnded: 2,
    frameSeen: 5,
    frameFreed: 2,
    slotMapped: 6,
    slotEnded: 3,
    edge: 7,
    pinEnded: 2,
    vmaEnded: 2,
  }
  return facts.map(({ name, args }) =>
    name === 'fork' || name === 'pinTaken' || name === 'vma'
      ? [name, { ...(args[0] as object), seq: 0, fromSeq: 0 }]
      : [name, ...args.filter((_, i) => i !== seqAt[name])],
  )
}

describe('runs of the agent', () => {
  test('numbers of an earlier run mean nothing in the next one, and nothing ends that was not seen to end', () => {
    const { sink, facts } = factLog()
    const history = new History(sink)
    const touch = { kind: Kind.AnonNew, mm: 1, vpn: 5 }
    history.begin(1, 1)
    history.apply(batchOf(numbered([{ ...touch, newPfn: 50 }])))
    history.begin(2, 1)
    history.apply(batchOf(numbered([{ ...touch, newPfn: 50 }])))
    history.finish()
    expect(argsOf(facts, 'mm').map(([mm]) => mm)).toMatchObject([
      { mm: 1, run: 1 },
      { mm: 2, run: 2 },
    ])
    expect(argsOf(facts, 'slotEnded')).toEqual([])
    expect(argsOf(facts, 'gap')).toMatchObject([[{ reason: 'agent-restart', run: 2 }]])
  })

  test('a hole in the numbers that nobody told of is a gap', () => {
    const { sink, facts } = factLog()
    const history = new History(sink)
    history.begin(1, 1)
    history.apply(batchOf(numbered([{ kind: Kind.MmExit, mm: 1 }], 11)))
    expect(argsOf(facts, 'gap')).toMatchObject([
      [{ reason: 'reconnect', count: 10, firstSeq: 1, lastSeq: 10 }],
    ])
  })
})

test('a process is told when its address space is met, once', () => {
  const { sink, facts } = factLog()
  const history = new History(sink)
  const info = { tgid: 70, parentTgid: 1, mm: 7, comm: 'redis', startTimeNs: 5 }
  history.begin(1, 1)
  history.apply(batchOf([], [info]))
  history.apply(batchOf(numbered([{ kind: Kind.AnonNew, mm: 7, tgid: 70, vpn: 5, newPfn: 50 }]), [info]))
  history.finish()
  expect(argsOf(facts, 'process')).toMatchObject([[{ tgid: 70, mm: 1, comm: 'redis' }]])
})

test('a process that nothing has happened to is told too, and once more when its address space is met', () => {
  const { sink, facts } = factLog()
  const history = new History(sink)
  history.begin(1, 1)
  history.apply(batchOf([], [{ tgid: 70, parentTgid: 1, mm: 7, comm: 'redis', startTimeNs: 5 }]))
  history.advance(1e9)
  history.advance(2e9)
  history.apply(batchOf(numbered([{ kind: Kind.AnonNew, mm: 7, tgid: 70, vpn: 5, newPfn: 50 }])))
  history.finish()
  expect(argsOf(facts, 'process')).toMatchObject([[{ tgid: 70, mm: 0 }], [{ tgid: 70, mm: 1 }]])
})

test('counts of a second are told once, when it is over', () => {
  const fault = {
    kind: Kind.HugeWp,
    outcome: Outcome.Reuse,
    tgid: 70,
    mm: 7,
    oldPfn: 512,
    newPfn: 512,
    order: 9,
  }
  const { facts } = concluded([
    numbered([
      { ...fault, timeNs: 1.2e9 },
      { ...fault, timeNs: 1.7e9 },
      { ...fault, timeNs: 2.1e9 },
    ]),
  ])
  expect(argsOf(facts, 'rate')).toEqual([
    [1e9, 70, 1, Kind.HugeWp, Outcome.Reuse, 2, 1024, 0, 0],
    [2e9, 70, 1, Kind.HugeWp, Outcome.Reuse, 1, 512, 0, 0],
  ])
})
