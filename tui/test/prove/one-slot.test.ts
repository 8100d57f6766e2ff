import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { Policy } from '../../src/policy/policy.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { comesTo } from './expected.js'
import { PINS } from './every-run.js'
import { search } from './search.js'
import { operationsOf } from './trail.js'

/** What allows to leave the search of one slot by itself to that of two: whatever it meets, the other meets. */

const BOTH: readonly SlotSize[] = ['base', 'thp']
const DEPTH = 4 + Number(process.env.COWPATH_PROVE_DEEPER ?? 0)

/** By length of the run, what its last operation is, on which slot, and what it comes to; slots are called by their size. */
function metIn(policy: Policy, sizes: readonly SlotSize[]): ReadonlySet<string> {
  const found = new Set<string>()
  const scope = { sizes, hugeOrder: 1, pins: PINS, depth: DEPTH }
  search(policy, scope, {
    each: (judged) => {
      const what = comesTo(judged)
      if (what === '') return
      const run = operationsOf(judged.case.trail)
      const last = run[run.length - 1]
      const on = 'area' in last ? sizes[last.area] : 'all'
      found.add(`${run.length}: ${last.name} on ${on}: ${what}`)
    },
  })
  return found
}

test.each(POLICIES.map((policy) => [policy.name, policy] as const))(
  'under %s, what one slot comes to by itself it comes to beside another',
  (_, policy) => {
    const both = metIn(policy, BOTH)
    for (const size of BOTH) {
      const alone = metIn(policy, [size])
      expect(alone.size).toBeGreaterThan(10)
      expect([...alone].filter((met) => !both.has(met))).toEqual([])
    }
  },
)
