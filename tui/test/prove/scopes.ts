import type { Scope } from './search.js'

/** How much deeper than in `npm test`: each operation more takes some nine times as long. */
const DEEPER = Number(process.env.COWPATH_PROVE_DEEPER ?? 0)

/** A THP of two pages: PMDs of order 1. */
const HUGE_ORDER = 1

/**
 * Two pins at a time show what they do to each other. Two slots together have the runs of each by itself among theirs
 * (`one-slot.test.ts`): one alone is searched where more operations than of both can be done.
 */
const PLANNED: readonly Omit<Scope, 'hugeOrder'>[] = [
  ...(DEEPER > 0 ? [{ sizes: ['base'], pins: 2, depth: 6 } as const] : []),
  { sizes: ['hugetlb'], pins: 2, depth: 6 },
  { sizes: ['base', 'thp'], pins: 2, depth: 6 },
]

export const SCOPES: readonly Scope[] = PLANNED.map((scope) => ({
  ...scope,
  hugeOrder: HUGE_ORDER,
  depth: scope.depth + DEEPER,
}))
