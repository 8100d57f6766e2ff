import { Kind, Outcome } from '../model/kinds.js'

const KIND_NAMES: Readonly<Record<number, string>> = {
  [Kind.WpFault]: 'wp',
  [Kind.HugeWp]: 'huge-wp',
  [Kind.HugetlbWp]: 'hugetlb',
  [Kind.ForkCopy]: 'fork',
}

const OUTCOME_NAMES: Readonly<Record<number, string>> = {
  [Outcome.Reuse]: 'reuse',
  [Outcome.Copy]: 'copy',
  [Outcome.Unshare]: 'unshare',
  [Outcome.UnshareNoop]: 'no-op',
  [Outcome.Shared]: 'shared',
  [Outcome.Uffd]: 'uffd',
  [Outcome.Retry]: 'retry',
  [Outcome.Fallback]: 'split',
  [Outcome.Failed]: 'failed',
}

/** What kind of page event it was, in at most seven characters; a kind newer than this client shows its number. */
export function kindName(kind: number): string {
  return KIND_NAMES[kind] ?? `kind ${kind}`
}

/** How a page event ended, in at most seven characters. An early copy at fork has no outcome of its own: it copied. */
export function outcomeName(kind: number, outcome: number): string {
  if (kind === Kind.ForkCopy) return 'copy'
  return OUTCOME_NAMES[outcome] ?? `no. ${outcome}`
}
