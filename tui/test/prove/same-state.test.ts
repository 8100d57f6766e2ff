import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import type { Judged } from './court.js'
import { byRun, runsOf, stepped, type Naming, type Next, type Run } from './every-run.js'
import { verdictOf } from './expected.js'
import { stateName } from './known.js'
import { isRefused } from './last.js'
import { hasDoneNothing } from './nothing-done.js'

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

const naming: Naming<string> = stateName

/** What an operation comes to, by names alone. */
function comesTo({ case: { last, name = '' }, raised, isUnknown }: Judged<Next<string>>): string {
  const lost = last.truths.map((truth) => `${truth.what} ${truth.pin.kind} ${verdictOf(truth)}`)
  const said = raised.map(({ rule, verdict, kind = '' }) => `${rule} ${verdict} ${kind}`)
  return [lost.sort().join(), said.sort().join(), isUnknown ? 'unknown' : '', name].join('; ')
}

test.each(
  POLICIES.flatMap((policy) => CASES.map(([sizes, length]) => [policy.name, sizes, length, policy] as const)),
)(
  'under %s, from states of one name the same follows, after every run of %s, with the last of %d operations',
  (_, sizes, length, policy) => {
    const known = new Map<string, { readonly text: string; readonly all: string }>()
    let repeated = 0
    let idle = 0
    /** What has done nothing comes to nothing, and leaves the state as it was. */
    const seeIdle = (judged: Judged<Next<string>>) => {
      const { from, last, simulator, operation } = judged.case
      const { memory } = from.simulator
      if (!hasDoneNothing(last, memory, simulator.memory)) {
        if (isRefused(memory, operation)) expect.fail(`not refused: ${judged.case.text}`)
        return
      }
      idle++
      if (comesTo(judged) !== `; ; ; ${from.name ?? ''}`)
        expect.fail(`not without consequence: ${judged.case.text}`)
    }
    const compare = ({ name = '', text }: Run<string>, follows: readonly string[]) => {
      const all = [...follows].sort().join('\n')
      const before = known.get(name)
      if (before === undefined) known.set(name, { text, all })
      else {
        repeated++
        if (before.all !== all) expect.fail(`not the same follows: ${before.text}; and: ${text}`)
      }
    }
    for (let before = 1; before < length + DEEPER; before++)
      for (const [from, lasts] of byRun(stepped(policy, runsOf(policy, sizes, before, naming), naming))) {
        lasts.forEach(seeIdle)
        compare(from, lasts.map(comesTo))
      }
    expect(repeated).toBeGreaterThan(0)
    expect(idle).toBeGreaterThan(0)
  },
)
