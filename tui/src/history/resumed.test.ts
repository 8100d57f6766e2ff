import fc from 'fast-check'
import { expect, test } from 'vitest'
import { History } from './history.js'
import { ResumedSink, type Stored } from './resumed.js'
import { batchOf, type EventRow, numbered } from './testing/events.js'
import { factLog, type LoggedFact } from './testing/fact-log.js'
import { type Operation, TinyKernel } from './testing/tiny-kernel.js'

const operations = fc.array(
  fc.record<Operation>({
    what: fc.constantFrom('touch', 'write', 'write', 'fork', 'unmap', 'exit'),
    who: fc.nat(4),
    page: fc.nat(7),
  }),
  { minLength: 1, maxLength: 150 },
)

function events(done: readonly Operation[]): readonly EventRow[] {
  const kernel = new TinyKernel(8)
  for (const operation of done) kernel.do(operation)
  // Far enough apart that the window releases some, and holds some.
  return numbered(kernel.events).map((row) => ({ ...row, timeNs: 1e9 + row.seq * 4e6 }))
}

function storedBy(facts: readonly LoggedFact[], lastSeq: number): Stored {
  const last = (name: LoggedFact['name']) => facts.filter((fact) => fact.name === name).length
  return {
    lastFrame: last('frameSeen'),
    lastSlot: last('slotMapped'),
    lastEdge: last('edge'),
    lastMm: last('mm'),
    forks: last('fork'),
    rates: last('rate'),
    run: 1,
    lastSeq,
  }
}

/** As a database: what is told twice is there once. */
function asStored(facts: readonly LoggedFact[]): ReadonlySet<string> {
  return new Set(
    facts.filter(({ name }) => name !== 'rate').map(({ name, args }) => JSON.stringify([name, args])),
  )
}

/** Rows of one key add up. */
function rates(facts: readonly LoggedFact[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const { name, args } of facts) {
    if (name !== 'rate') continue
    const key = args.slice(0, 5).join()
    sums.set(key, (sums.get(key) ?? 0) + (args[5] as number))
  }
  return sums
}

test.each(['killed', 'closed'] as const)(
  'a recording that was %s and goes on holds what one in a single piece holds',
  (how) => {
    fc.assert(
      fc.property(operations, fc.nat(400), (done, cut) => {
        const rows = events(done)
        const at = cut % (rows.length + 1)
        const whole = factLog()
        const once = new History(whole.sink)
        once.begin(1, 1)
        once.apply(batchOf(rows))
        once.finish()

        const before = factLog()
        const first = new History(before.sink)
        first.begin(1, 1)
        first.apply(batchOf(rows.slice(0, at)))
        if (how === 'closed') first.finish()

        const after = factLog()
        const stored = storedBy(before.facts, at)
        const resumed = new ResumedSink(after.sink, stored)
        const second = new History(resumed)
        resumed.replaying(1)
        second.begin(1, 1)
        second.apply(batchOf(rows.slice(0, at)))
        // Who goes on cannot know how it ended.
        second.finish()
        resumed.live()
        second.apply(batchOf(rows.slice(at)))
        second.finish()

        const kept = [...before.facts, ...after.facts]
        expect(asStored(kept)).toEqual(asStored(whole.facts))
        expect(rates(kept)).toEqual(rates(whole.facts))
        const numberedOnes = kept.filter(({ name }) =>
          ['frameSeen', 'slotMapped', 'edge', 'fork'].includes(name),
        )
        expect(numberedOnes).toHaveLength(asStored(numberedOnes).size)
      }),
    )
  },
)
