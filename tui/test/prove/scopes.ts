import type { Scope } from './search.js'

/** Whether what takes hours is searched: `npm run prove`. */
const IS_DEEP = Number(process.env.COWPATH_PROVE_DEEPER ?? 0) > 0

/** A THP of two pages: PMDs of order 1. */
const HUGE_ORDER = 1

/** What is searched in `npm test`, and how deep in `npm run prove`. */
interface Planned extends Omit<Scope, 'hugeOrder'> {
  readonly deep: number
}

/** Two pins at a time show what they do to each other. Two slots together have the runs of each by itself among theirs. */
const PLANNED: readonly Planned[] = [
  { sizes: ['base'], pins: 2, depth: 5, deep: 6 },
  { sizes: ['hugetlb'], pins: 2, depth: 5, deep: 6 },
  { sizes: ['base', 'thp'], pins: 2, depth: 4, deep: 6 },
]

export const SCOPES: readonly Scope[] = PLANNED.map(({ deep, depth, ...scope }) => ({
  ...scope,
  hugeOrder: HUGE_ORDER,
  depth: IS_DEEP ? deep : depth,
}))
