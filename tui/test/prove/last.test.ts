import { expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import { comesTo } from './expected.js'
import { PINS } from './every-run.js'
import { search, textOf, type Trail } from './search.js'

/** What allows the search to do a last operation once for what it depends on: here it is done wherever the search comes. */

/** Operations of a run: each more takes some ten times as long. */
const DEPTH = 4 + Number(process.env.COWPATH_PROVE_DEEPER ?? 0)

test.each(POLICIES.map((policy) => [policy.name, policy] as const))(
  'under %s, last operations that depend on the same come to the same',
  (_, policy) => {
    const views = new Map<string, string>()
    const outcomes = new Map<string, string>()
    search(
      policy,
      { sizes: ['base', 'thp'], hugeOrder: 1, pins: PINS, depth: DEPTH },
      {
        each: (judged) => {
          const outcome = comesTo(judged)
          if (outcome !== '') outcomes.set(textOf(judged.case.trail), outcome)
        },
        everyLast: (trail: Trail, view) => {
          views.set(textOf(trail), view)
        },
      },
    )
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
