import { BOUNDARIES, type BoundaryName } from './boundaries.js'
import type { Series } from './version.js'

/** By what a kernel takes a frame for owned by one mapping alone, and makes it writable in place. */
export type ReuseBy = 'mapcount' | 'refcount' | 'exclusive'

/** What the kernel of one series does: the executable half of a policy. */
export interface Mechanics {
  /** do_wp_page(): a write fault on a PTE. */
  readonly reuseBase: ReuseBy
  /** do_huge_pmd_wp_page(): a write fault on a PMD. */
  readonly reuseHuge: ReuseBy
  /** hugetlb_wp(): by the mapcount on every kernel, "as a side effect, there can still be leaks" (its own comment). */
  readonly reuseHugetlb: 'mapcount'
  /** do_swap_page(): a write fault on a swap entry. */
  readonly reuseSwapIn: ReuseBy
  /** Before references are counted, this CPU's LRU batch is drained and the swap cache left where it can be. */
  readonly settlesBeforeReuse: boolean
  /** A GUP call for reading breaks COW as a write would. */
  readonly forcesBreak: boolean
  /** FOLL_PIN is told from other references. */
  readonly knowsPins: boolean
  /** Fork copies for the child what may be pinned. */
  readonly copiesPinnedAtFork: boolean
  readonly copiesPinnedHugetlbAtFork: boolean
  /** FOLL_PIN for reading unshares what is not exclusive. */
  readonly pinUnshares: boolean
  /** A long-term one also unshares what is not anonymous, in private mappings. */
  readonly longtermUnsharesAll: boolean
  /** Reclaim and migration back off from pages that may be pinned. */
  readonly keepsPinnedOutOfSwap: boolean
  /** O_DIRECT takes FOLL_PIN; else FOLL_GET. */
  readonly directIoPins: boolean
}

export function mechanicsOf(version: Series): Mechanics {
  const has = (name: BoundaryName) => version >= BOUNDARIES[name].from
  const exclusive = has('anonExclusive')
  const byCount = (since: BoundaryName): ReuseBy =>
    exclusive ? 'exclusive' : has(since) ? 'refcount' : 'mapcount'
  return {
    reuseBase: byCount('reuseByCount'),
    reuseHuge: byCount('hugeReuseByCount'),
    reuseHugetlb: 'mapcount',
    reuseSwapIn: byCount('hugeReuseByCount'),
    settlesBeforeReuse: has('hugeReuseByCount'),
    forcesBreak: has('forcedBreak') && !has('reuseByCount'),
    knowsPins: has('follPin'),
    copiesPinnedAtFork: has('earlyForkCopy'),
    copiesPinnedHugetlbAtFork: has('hugetlbEarlyForkCopy'),
    pinUnshares: has('pinUnshares'),
    longtermUnsharesAll: has('longtermUnsharesAll'),
    keepsPinnedOutOfSwap: has('pinnedStayOutOfSwap') || isLongterm510(version),
    directIoPins: has('directIoPins'),
  }
}

/** 5.10 has it as a backport: read in mm/vmscan.c: shrink_page_list of 5.10.262. */
function isLongterm510(version: Series): boolean {
  return version === 5010
}
