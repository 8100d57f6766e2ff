import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { Policy } from '../../src/policy/policy.js'
import { operationsIn } from '../../src/policy/simulator/enumerate.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { operationText } from '../../src/policy/simulator/operations.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import { Simulator } from '../../src/policy/simulator/simulator.js'
import { Court, type Case, type Judged } from './court.js'
import { verdictOf } from './expected.js'

/**
 * What allows the search to leave a state alone that it has met before: here nothing is left alone, and runs that led to states of
 * the same name must have the same before them.
 */

const DEEPER = Number(process.env.COWPATH_PROVE_DEEPER ?? 0)

const CASES: readonly (readonly [sizes: readonly SlotSize[], length: number])[] = [
  [['base'], 3],
  [['hugetlb'], 3],
  [['thp'], 3],
  [['base', 'thp'], 2],
]

interface Run {
  readonly simulator: Simulator
  readonly told: readonly Told[]
  readonly text: string
  /** The name of the state that it led to. */
  readonly state: string
}

interface Next extends Case {
  readonly from: Run
  readonly simulator: Simulator
  readonly text: string
}

/** Every next operation in every state of `runs`, judged. */
function* stepped(policy: Policy, runs: Iterable<Run>): Generator<Judged<Next>> {
  const court = new Court<Next>(policy, 1)
  for (const from of runs) {
    for (const operation of operationsIn(from.simulator.memory, 2)) {
      const simulator = from.simulator.branch()
      const last = simulator.do(operation)
      const text = from.text === '' ? operationText(operation) : `${from.text}, ${operationText(operation)}`
      const next = { before: from.told, last, memory: simulator.memory, from, simulator, text }
      if (!court.hasRoomFor(next)) yield* court.judge()
      court.bring(next)
    }
  }
  yield* court.judge()
}

/** Every run of so many operations, and no run left out. */
function runsOf(policy: Policy, sizes: readonly SlotSize[], length: number): Iterable<Run> {
  const [simulator, told] = Simulator.begin(policy, sizes, 1)
  let runs: Iterable<Run> = [{ simulator, told, text: '', state: '' }]
  for (let i = 0; i < length; i++) runs = extended(policy, runs)
  return runs
}

function* extended(policy: Policy, runs: Iterable<Run>): Generator<Run> {
  for (const { case: next, state } of stepped(policy, runs))
    yield { simulator: next.simulator, told: [...next.before, ...next.last.told], text: next.text, state }
}

/** What an operation comes to, by names alone. */
function comesTo({ case: { last }, raised, isUnknown, state }: Judged): string {
  const lost = last.truths.map((truth) => `${truth.what} ${truth.pin.kind} ${verdictOf(truth)}`)
  const said = raised.map(({ rule, verdict, kind = '' }) => `${rule} ${verdict} ${kind}`)
  return [lost.sort().join(), said.sort().join(), isUnknown ? 'unknown' : '', state].join('; ')
}

test.each(
  POLICIES.flatMap((policy) => CASES.map(([sizes, length]) => [policy.name, sizes, length, policy] as const)),
)(
  'under %s, from states of one name the same follows, after every run of %s, with the last of %d operations',
  (_, sizes, length, policy) => {
    const known = new Map<string, { readonly text: string; readonly all: string }>()
    let repeated = 0
    const compare = (run: Run, follows: readonly string[]) => {
      const all = [...follows].sort().join('\n')
      const before = known.get(run.state)
      if (before === undefined) known.set(run.state, { text: run.text, all })
      else {
        repeated++
        if (before.all !== all) expect.fail(`not the same follows: ${before.text}; and: ${run.text}`)
      }
    }
    for (let before = 1; before < length + DEEPER; before++) {
      let from: Run | undefined
      let follows: string[] = []
      for (const judged of stepped(policy, runsOf(policy, sizes, before))) {
        if (from !== undefined && judged.case.from !== from) {
          compare(from, follows)
          follows = []
        }
        from = judged.case.from
        follows.push(comesTo(judged))
      }
      if (from !== undefined) compare(from, follows)
    }
    expect(repeated).toBeGreaterThan(0)
  },
)
