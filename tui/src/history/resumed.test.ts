import fc from 'fast-check'
import { expect, test } from 'vitest'
import { History } from './history.js'
import { ResumedSink, type Stored } from './resumed.js'
import { batchOf, type EventRow, numbered } from './testing/events.js'
import { factLog, type LoggedFact } from './testing/fact-log.js'
import { type Operation, OPERATIONS, TinyKernel } from './testing/tiny-kernel.js'

const operations = fc.array(
  fc.record<Operation>({
    what: fc.constantFrom('touch', 'write', 'write', ...OPERATIONS),
    who: fc.nat(4),
    page: fc.nat(7),
  }),
  { minLength: 1, maxLength: 150 },
)

function events(done: readonly Operation[]): readonly EventRow[] {
  const kernel = new TinyKernel()
  for (const operation of done) kernel.do(operation)
  // Far enough apart that the window releases some, and holds some.
  return numbered(kernel.events).map((row) => ({ ...row, timeNs: 1e9 + row.seq * 4e6 }))
}

function storedBy(facts: readonly LoggedFact[]): Stored {
  const last = (name: LoggedFact['name']) => facts.filter((fact) => fact.name === name).length
  return {
    lastFrame: last('frameSeen'),
    lastSlot: last('slotMapped'),
    lastEdge: last('edge'),
    lastMm: last('mm'),
    lastPin: last('pinTaken'),
    lastVma: last('vma'),
    forks: last('fork'),
    run: 1,
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
    const key = [...args.slice(0, 5), ...args.slice(7)].join()
    sums.set(key, (sums.get(key) ?? 0) + (args[5] as number))
  }
  return sums
}

/** Cuts `rows` at each place; the recorder was killed there, or closed the recording. */
interface Session {
  readonly cut: number
  readonly isClosed: boolean
}

test('a recording that was cut off again and again, and went on, holds what one in a single piece holds', () => {
  const sessions = fc.array(fc.record<Session>({ cut: fc.nat(400), isClosed: fc.boolean() }), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(operations, sessions, (done, ends) => {
      const rows = events(done)
      const whole = factLog()
      const once = new History(whole.sink)
      once.begin(1, 1)
      once.apply(batchOf(rows))
      once.finish()

      const last = { cut: rows.length, isClosed: true }
      const all = [...ends.map((end) => ({ ...end, cut: end.cut % (rows.length + 1) })), last]
      const kept: LoggedFact[] = []
      let at = 0
      for (const { cut, isClosed } of all.sort((a, b) => a.cut - b.cut)) {
        const log = factLog()
        const resumed = new ResumedSink(log.sink, storedBy(kept))
        const history = new History(resumed, { ratedEvents: sum(rates(kept).values()) })
        resumed.replaying(1)
        history.begin(1, 1)
        history.apply(batchOf(rows.slice(0, at)))
        history.finish()
        expect(resumed.isComplete).toBe(true)
        resumed.live()
        history.apply(batchOf(rows.slice(at, cut)))
        if (isClosed) history.finish()
        kept.push(...log.facts)
        at = cut
      }

      expect(asStored(kept)).toEqual(asStored(whole.facts))
      expect(rates(kept)).toEqual(rates(whole.facts))
      const numberedOnes = kept.filter(({ name }) =>
        ['frameSeen', 'slotMapped', 'edge', 'fork', 'pinTaken'].includes(name),
      )
      expect(numberedOnes).toHaveLength(asStored(numberedOnes).size)
    }),
  )
})

test('a recording that holds more than its events say is not gone on with', () => {
  const resumed = new ResumedSink(factLog().sink, { ...storedBy([]), lastFrame: 1 })
  resumed.replaying(1)
  new History(resumed).finish()
  expect(resumed.isComplete).toBe(false)
})

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0)
}
