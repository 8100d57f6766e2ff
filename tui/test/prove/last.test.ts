import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { Judged } from './court.js'
import { comesTo } from './expected.js'
import { PINS } from './every-run.js'
import { search, type Tried } from './search.js'
import { operationsOf, textOf, type Trail } from './trail.js'

/**
 * What allows the search to do a last operation once for what it depends on, and to leave out one before it that changes nothing for
 * it: here all are done wherever the search comes.
 */

/** Operations of a run: each more takes some ten times as long. */
const DEPTH = 4 + Number(process.env.COWPATH_PROVE_DEEPER ?? 0)

const SCOPE = { sizes: ['base', 'thp'], hugeOrder: 1, pins: PINS, depth: DEPTH } as const

/** Enters what an operation comes to, with the length of its run and its name; answers with it. */
function entered(met: Set<string>, judged: Judged<Tried>): string {
  const outcome = comesTo(judged)
  const run = operationsOf(judged.case.trail)
  if (outcome !== '') met.add(`${run.length}: ${run[run.length - 1].name}: ${outcome}`)
  return outcome
}

test.each(POLICIES.map((policy) => [policy.name, policy] as const))(
  'under %s, last operations that depend on the same come to the same, and nothing is missed by those left out',
  (_, policy) => {
    const views = new Map<string, string>()
    const outcomes = new Map<string, string>()
    const all = new Set<string>()
    search(policy, SCOPE, {
      each: (judged) => {
        const outcome = entered(all, judged)
        if (outcome !== '') outcomes.set(textOf(judged.case.trail), outcome)
      },
      everyLast: (trail: Trail, view) => {
        views.set(textOf(trail), view)
      },
    })
    const found = new Set<string>()
    search(policy, SCOPE, {
      each: (judged) => {
        entered(found, judged)
      },
    })
    expect([...found].sort()).toEqual([...all].sort())

    const known = new Map<string, { readonly text: string; readonly outcome: string }>()
    let repeated = 0
    for (const [text, view] of views) {
      const outcome = outcomes.get(text) ?? ''
      const before = known.get(view)
      if (before === undefined) known.set(view, { text, outcome })
      else if (before.outcome === outcome) repeated++
      else expect.fail(`"${before.outcome}" of ${before.text}, and "${outcome}" of ${text}`)
    }
    expect(repeated).toBeGreaterThan(known.size)
  },
)
