import { Kind } from '../model/kinds.js'

/** Names of the agent's legs, as `LegBooks.name` has them. */
export const LEGS = [
  'wp-fault', 'huge-wp', 'hugetlb-wp', 'gup', 'unpin', 'fork', 'wrprotect', 'uffd', 'pmd-split', 'folio-split',
  'collapse', 'swap', 'migrate', 'ksm', 'remap', 'unmap', 'exit', 'free', 'anon-new',
] as const // prettier-ignore
export type LegName = (typeof LEGS)[number]

/** Which leg tells events of a kind; no entry: none does by itself. */
export const LEG_OF_KIND: ReadonlyMap<number, LegName> = new Map<number, LegName>([
  [Kind.WpFault, 'wp-fault'],
  [Kind.HugeWp, 'huge-wp'],
  [Kind.HugetlbWp, 'hugetlb-wp'],
  [Kind.Gup, 'gup'],
  [Kind.Unpin, 'unpin'],
  [Kind.Fork, 'fork'],
  [Kind.ForkVma, 'fork'],
  [Kind.ForkCopy, 'fork'],
  [Kind.Wrprotect, 'wrprotect'],
  [Kind.UffdMessage, 'uffd'],
  [Kind.PmdSplit, 'pmd-split'],
  [Kind.FolioSplit, 'folio-split'],
  [Kind.Collapse, 'collapse'],
  [Kind.SwapOut, 'swap'],
  [Kind.SwapIn, 'swap'],
  [Kind.Migrate, 'migrate'],
  [Kind.KsmMerge, 'ksm'],
  [Kind.Remap, 'remap'],
  [Kind.Unmap, 'unmap'],
  [Kind.Exec, 'exit'],
  [Kind.MmExit, 'exit'],
  [Kind.FrameFree, 'free'],
  [Kind.AnonNew, 'anon-new'],
])
