import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import type { Judged } from './court.js'
import { runsOf, stepped, type Run } from './every-run.js'
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
      for (const judged of stepped(policy, runsOf(policy, sizes, before, 'state'), 'state')) {
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
