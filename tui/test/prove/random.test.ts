import fc from 'fast-check'
import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { Done } from '../../src/policy/simulator/enumerate.js'
import { operationText } from '../../src/policy/simulator/operations.js'
import { Simulator } from '../../src/policy/simulator/simulator.js'
import { runs } from '../../src/policy/simulator/testing/runs.js'
import { Court } from './court.js'
import { complaints } from './expected.js'

const RUNS = Number(process.env.COWPATH_PROVE_RUNS ?? 60)
const SIZES = ['base', 'thp', 'hugetlb'] as const

test.each(POLICIES)(
  'under $name, the rules say what memory says after every operation of long runs',
  (policy) => {
    fc.assert(
      fc.property(runs(SIZES.length, 25), (run) => {
        const [simulator, begin] = Simulator.begin(policy, SIZES)
        const court = new Court(policy, begin)
        const path: Done[] = []
        for (const operation of run) {
          path.push({ operation, step: simulator.do(operation) })
          court.bring([...path])
        }
        for (const judged of court.judge()) {
          const text = judged.path.map(({ operation }) => operationText(operation)).join(', ')
          expect(complaints(judged), text).toEqual([])
        }
      }),
      { numRuns: RUNS },
    )
  },
)
