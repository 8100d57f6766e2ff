import type { Mechanics } from '../mechanics.js'
import type { Frame } from './pages.js'

/** What the kernel counted at an event of the recording, as far as other rules would have met it too. */
export interface Counts {
  /** References beyond mappings and FOLL_PIN, swap cache, and LRU batch: somebody held the page just then. */
  readonly isHeld: boolean
  /** It was in the swap cache, or waited in an LRU batch. */
  readonly isPassing: boolean
}

/** Decides what the kernel of the recording, or of a policy, does. */
export interface Deciding {
  /** A write, or a reader that must not share, to a page that is not writable. */
  mayReuse(frame: Frame, counts: Counts): boolean
  /** Fork copies the page for the child. */
  copiesAtFork(frame: Frame, childMm: number, vpn: number): boolean
}

export function decidingBy(rules: Mechanics): Deciding {
  return {
    mayReuse: (frame, counts) => {
      const by = frame.isHugetlb ? rules.reuseHugetlb : frame.pages > 1 ? rules.reuseHuge : rules.reuseBase
      if (by === 'exclusive' && frame.exclusive) return true
      if (frame.maps > 1) return false
      return by === 'mapcount' || isUnheld(frame, counts, rules)
    },
    copiesAtFork: (frame) => {
      const copies = frame.isHugetlb ? rules.copiesPinnedHugetlbAtFork : rules.copiesPinnedAtFork
      if (!copies || ![...frame.holds].some(({ kind }) => kind === 'pin')) return false
      return rules.reuseBase !== 'exclusive' || frame.exclusive
    },
  }
}

function isUnheld(frame: Frame, { isHeld, isPassing }: Counts, rules: Mechanics): boolean {
  if (isHeld || (isPassing && !rules.settlesBeforeReuse)) return false
  return ![...frame.holds].some(({ kind }) => kind === 'pin')
}
