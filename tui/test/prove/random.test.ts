import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { Policy } from '../../src/policy/policy.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { operationText, type Operation } from '../../src/policy/simulator/operations.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import { Simulator } from '../../src/policy/simulator/simulator.js'
import { runs } from '../../src/policy/simulator/testing/runs.js'
import { Court, type Looking } from './court.js'
import { complaints, untoldIn } from './expected.js'

const RUNS = Number(process.env.COWPATH_PROVE_RUNS ?? 150)
const SIZES: readonly SlotSize[] = ['base', 'thp', 'hugetlb']
const LONGEST = 40

interface Done extends Looking<Done> {
  readonly run: readonly Operation[]
}

/** What is wrong with what the rules said of each operation of the run. */
function wrongIn(
  policy: Policy,
  sizes: readonly SlotSize[],
  hugeOrder: number,
  run: readonly Operation[],
): readonly string[] {
  const [simulator, begin] = Simulator.begin(policy, sizes, hugeOrder)
  const court = new Court<Done>(policy, hugeOrder)
  const judged = []
  let before: readonly Told[] = begin
  for (const [i, operation] of run.entries()) {
    const last = simulator.do(operation)
    const one = { before, last, run: run.slice(0, i + 1) }
    if (!court.hasRoomFor(one)) judged.push(...court.judge())
    court.bring(one)
    before = [...before, ...last.told]
  }
  judged.push(...court.judge())
  return judged.flatMap((one) => {
    const untold = untoldIn(one.case.run, one.case.before)
    return complaints(one, untold).wrong.map(
      (what) => `${what}: ${one.case.run.map(operationText).join(', ')}`,
    )
  })
}

describe.each(POLICIES)('under $name', (policy) => {
  const cases: readonly (readonly [what: string, sizes: readonly SlotSize[], hugeOrder: number])[] = [
    ['a base page and a THP of two', ['base', 'thp'], 1],
    ['two THPs of two', ['thp', 'thp'], 1],
    ['a page of each size, huge ones as on most hosts', SIZES, 9],
  ]
  test.each(cases)(
    'the rules say what memory says after every operation of long runs on %s',
    (_, sizes, order) => {
      fc.assert(
        fc.property(runs(sizes.length, LONGEST), (run) => {
          expect(wrongIn(policy, sizes, order, run)).toEqual([])
        }),
        { numRuns: RUNS },
      )
    },
  )
})
