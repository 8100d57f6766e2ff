import { describe, expect, test } from 'vitest'
import { POLICIES } from '../../src/policy/policies.js'
import type { Policy } from '../../src/policy/policy.js'
import { transitions, type Scope } from '../../src/policy/simulator/enumerate.js'
import { operationText } from '../../src/policy/simulator/operations.js'
import { Simulator } from '../../src/policy/simulator/simulator.js'
import { Court, type Judged } from './court.js'
import { canBeKnown, complaints } from './expected.js'

/** Operations of the longest runs. Each one more makes some ten times as many runs. */
const DEPTH = Number(process.env.COWPATH_PROVE_DEPTH ?? 4)

/** A huge page makes more runs, and each is dearer; two slots meet in nothing but fork and exit. */
const SCOPES: readonly Scope[] = [
  { sizes: ['base'], pins: 2, depth: DEPTH },
  { sizes: ['hugetlb'], pins: 2, depth: DEPTH },
  { sizes: ['thp'], pins: 1, depth: DEPTH - 1 },
  { sizes: ['base', 'thp'], pins: 1, depth: DEPTH - 2 },
]

interface Books {
  judged: number
  /** Runs whose last operation lost a pin that the rules can know of. */
  lost: number
  found: number
  unknown: number
}

function textOf({ path }: Judged): string {
  return path.map(({ operation }) => operationText(operation)).join(', ')
}

function tried(policy: Policy, scope: Scope, each: (judged: Judged) => void): void {
  const [, begin] = Simulator.begin(policy, scope.sizes)
  const court = new Court(policy, begin)
  const judge = () => {
    for (const judged of court.judge()) each(judged)
  }
  for (const { path } of transitions(policy, scope)) {
    court.bring(path)
    if (court.isFull) judge()
  }
  judge()
}

describe.each(POLICIES)('under $name', (policy) => {
  test.each(SCOPES)('the rules say what memory says in every run of $depth operations on $sizes', (scope) => {
    const books: Books = { judged: 0, lost: 0, found: 0, unknown: 0 }
    tried(policy, scope, (judged) => {
      const wrong = complaints(judged).at(0)
      if (wrong !== undefined) expect.fail(`${wrong}: ${textOf(judged)}`)
      books.judged++
      const due = judged.path.at(-1)?.step.truths.filter(canBeKnown) ?? []
      if (due.length === 0) return
      books.lost++
      if (judged.raised.length > 0) books.found++
      else books.unknown++
      // What fork did to a page is deduced: only there a FOLL_PIN may be lost in doubt.
      const isDeduced = judged.path.some(({ operation }) => operation.name === 'fork')
      if (judged.isUnknown && !isDeduced && due.some(({ pin }) => pin.kind === 'pin'))
        expect.fail(`in doubt: ${textOf(judged)}`)
    })
    expect(books.found).toBeGreaterThan(books.unknown)
    process.stdout.write(
      `${policy.name}, ${scope.sizes.join(' and ')}, depth ${scope.depth}: ${JSON.stringify(books)}\n`,
    )
  })
})
