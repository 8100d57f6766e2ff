import type { Scope } from './search.js'

/** How much deeper than in `npm test`: each operation more takes some ten times as long. */
const DEEPER = Number(process.env.COWPATH_PROVE_DEEPER ?? 0)

/** A THP of two pages: PMDs of order 1. */
const HUGE_ORDER = 1

/** Two pins at a time show what they do to each other. Two slots together have the runs of each by itself among theirs. */
const PLANNED: readonly Omit<Scope, 'hugeOrder'>[] = [
  { sizes: ['base'], pins: 2, depth: 5 },
  { sizes: ['hugetlb'], pins: 2, depth: 5 },
  { sizes: ['base', 'thp'], pins: 2, depth: 5 },
]

export const SCOPES: readonly Scope[] = PLANNED.map((scope) => ({
  ...scope,
  hugeOrder: HUGE_ORDER,
  depth: scope.depth + DEEPER,
}))
