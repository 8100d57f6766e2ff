import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Kind, Outcome } from '../../model/kinds.js'
import { POLICIES, policyNamed } from '../policies.js'
import type { Policy, PolicyName } from '../policy.js'
import type { SlotSize } from '../simulator/memory.js'
import type { Operation } from '../simulator/operations.js'
import { Tape, type Told } from '../simulator/rows.js'
import { Simulator } from '../simulator/simulator.js'
import { runs } from '../simulator/testing/runs.js'
import type { Truth } from '../simulator/truth.js'
import type { Tally } from './ledger.js'
import { replayUnder } from './replay.js'

function numbersOf(tally: Tally): readonly number[] {
  return Object.values<number>({ ...tally })
}

interface Recorded {
  readonly told: readonly Told[]
  readonly truths: readonly Truth[]
}

/** The simulator as the recorded kernel: what it told, and what became of the pins. */
function recorded(policy: Policy, sizes: readonly SlotSize[], run: readonly Operation[]): Recorded {
  const [simulator, begin] = Simulator.begin(policy, sizes)
  const steps = run.map((operation) => simulator.do(operation))
  return {
    told: [...begin, ...steps.flatMap(({ told }) => told)],
    truths: steps.flatMap(({ truths }) => truths),
  }
}

function replayed(policy: Policy, { told }: Recorded) {
  const tape = new Tape()
  for (const event of told) tape.add(event)
  return replayUnder(policy, [tape.take()])
}

function named(name: PolicyName): Policy {
  const policy = policyNamed(name)
  if (!policy) throw new Error(`no policy ${name}`)
  return policy
}

/** What processes do; the kernel's own doings are left out of a replay. */
const BY_PROCESSES = [
  'write',
  'gup',
  'release',
  'fork',
  'exit',
  'protect-read-only',
  'protect-writable',
  'unmap',
  'discard',
]
const ofProcesses = (run: readonly Operation[]) => run.filter(({ name }) => BY_PROCESSES.includes(name))

describe.each(POLICIES)('a recording made under $name', (policy) => {
  test.each(['base', 'hugetlb'] as const)('of %s comes out the same under the same policy', (size) => {
    fc.assert(
      fc.property(runs(2, 30), (run) => {
        const { asRecorded, replayed: again } = replayed(
          policy,
          recorded(policy, [size, size], ofProcesses(run)),
        )
        // A forced break of a read-only mapping reuses its page again and again: told, and no copy.
        expect({ ...again, reuses: 0 }).toEqual({ ...asRecorded, reuses: 0 })
      }),
      { numRuns: 300 },
    )
  })

  test('shows as many copies and lost pins as there were', () => {
    fc.assert(
      fc.property(runs(2, 30), (run) => {
        const recording = recorded(policy, ['base', 'base'], ofProcesses(run))
        const { asRecorded } = replayed(policy, recording)
        const count = (outcome: number) => recording.told.filter((told) => told.outcome === outcome).length
        expect(asRecorded.copies).toBe(count(Outcome.Copy))
        expect(asRecorded.unshares).toBe(count(Outcome.Unshare))
        expect(asRecorded.forkCopies).toBe(recording.told.filter(({ kind }) => kind === Kind.ForkCopy).length)
        const lost = recording.truths.filter(
          ({ what, pin, isSelfInflicted }) => what === 'diverged' && pin.kind === 'pin' && !isSelfInflicted,
        )
        expect(asRecorded.pinsDiverged).toBe(lost.length)
      }),
      { numRuns: 300 },
    )
  })
})

test('what 5.10 loses by a read-only pin, the exclusive rules keep, for the price of the same one copy', () => {
  const run: readonly Operation[] = [
    { name: 'fork', mm: 0 },
    { name: 'gup', mm: 0, area: 0, page: 0, ask: { kind: 'pin', write: false, longterm: false } },
    { name: 'write', mm: 0, area: 0, page: 0 },
  ]
  const result = replayed(named('anon-exclusive'), recorded(named('page-count'), ['base'], run))
  expect(result.asRecorded).toMatchObject({ copies: 1, unshares: 0, pinsDiverged: 1, copiedBytes: 4096 })
  expect(result.replayed).toMatchObject({ copies: 0, unshares: 1, pinsDiverged: 0, copiedBytes: 4096 })
})

test('a page whose pipe still holds it is copied by page count, and written in place by mapcount: the leak comes back', () => {
  const run: readonly Operation[] = [
    { name: 'fork', mm: 0 },
    { name: 'gup', mm: 1, area: 0, page: 0, ask: { kind: 'get', write: false, longterm: false } },
    { name: 'unmap', mm: 1, area: 0 },
    { name: 'write', mm: 0, area: 0, page: 0 },
  ]
  const result = replayed(named('mapcount'), recorded(named('page-count'), ['base'], run))
  expect(result.asRecorded).toMatchObject({ copies: 1, getsLeaked: 0 })
  expect(result.replayed).toMatchObject({ copies: 0, getsLeaked: 1 })
})

test('no recording, however wrong, makes a replay fail', () => {
  const number = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1))
  const event = fc.record({
    kind: fc.nat(40),
    outcome: fc.nat(12),
    order: fc.nat(255),
    mm: fc.nat(3),
    otherMm: fc.nat(3),
    vpn: number,
    pages: fc.oneof(
      { weight: 30, arbitrary: fc.nat(600) },
      { weight: 1, arbitrary: fc.constant(2 ** 32 - 1) },
    ),
    oldPfn: number,
    newPfn: number,
    flags: fc.nat(2 ** 28),
    aux: number,
    mapcount: fc.integer({ min: -5, max: 2 ** 31 - 1 }),
    refcount: fc.integer({ min: -5, max: 2 ** 31 - 1 }),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (told) => {
      const { asRecorded, replayed: tried } = replayed(named('page-count'), { told, truths: [] })
      for (const tally of [asRecorded, tried]) expect(Math.min(...numbersOf(tally))).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: 50 },
  )
})
