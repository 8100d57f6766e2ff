import type { Mechanics, ReuseBy } from '../mechanics.js'
import { isExclusive, refcount, totalMaps, type Entry, type Folio, type Memory } from './memory.js'

/** How a write fault ends: by the rules of the kernel, with what it drops on the way to its decision. */
export type Decision = 'reuse' | 'copy'

/** mm/memory.c: do_wp_page(), for a page that a PTE maps. May take the folio out of the swap cache, and off an LRU batch. */
export function decideBase(rules: Mechanics, memory: Memory, folio: Folio, entry: Entry): Decision {
  if (folio.kind === 'ksm' || folio.kind === 'file') return 'copy'
  switch (rules.reuseBase) {
    case 'mapcount':
      return reuseSwapPage(memory, folio)
    case 'refcount':
      return isSoleReference(rules, memory, folio)
    case 'exclusive':
      if (isExclusive(folio, entry)) return 'reuse'
      return folio.order > 0 ? 'copy' : isSoleReference(rules, memory, folio)
  }
}

/** mm/huge_memory.c: do_huge_pmd_wp_page(). `copy` is what follows the split of the PMD. */
export function decideHuge(rules: Mechanics, memory: Memory, folio: Folio): Decision {
  if (rules.reuseHuge === 'exclusive' && folio.pages[0].exclusive) return 'reuse'
  if (rules.reuseHuge === 'mapcount') return reuseSwapPage(memory, folio)
  return isSoleReference(rules, memory, folio)
}

/** mm/hugetlb.c: hugetlb_wp(), hugetlb_cow(). */
export function decideHugetlb(folio: Folio): Decision {
  return folio.wholeMaps === 1 ? 'reuse' : 'copy'
}

/** mm/swapfile.c: reuse_swap_page(): the page with most mappings and swap entries has one. */
function reuseSwapPage(memory: Memory, folio: Folio): Decision {
  const users = memory.swap[folio.swap]?.users ?? 0
  const count = folio.wholeMaps + Math.max(...folio.pages.map((page) => page.maps)) + users
  if (count > 1) return 'copy'
  if (users === 0) forgetSwap(memory, folio)
  return 'reuse'
}

/** page_count() == 1. Since 5.18 a batch of this CPU is drained and the swap cache left before it is asked. */
function isSoleReference(rules: Mechanics, memory: Memory, folio: Folio): Decision {
  if (rules.settlesBeforeReuse) settle(memory, folio)
  return refcount(folio) === 1 ? 'reuse' : 'copy'
}

/** lru_add_drain() and folio_free_swap(), as far as the kernel tries: not for a folio with more references than those. */
function settle(memory: Memory, folio: Folio): void {
  if (refcount(folio) > 3) return
  folio.offLru = false
  if (folio.swap !== 0 && refcount(folio) <= 2 && memory.swap[folio.swap]?.users === 0)
    forgetSwap(memory, folio)
}

function forgetSwap(memory: Memory, folio: Folio): void {
  memory.swap[folio.swap] = undefined
  folio.swap = 0
}

/** mm/memory.c: do_swap_page(): whether the entry, which maps the folio read-only now, may be made writable for a write. */
export function decideSwapIn(
  rules: Mechanics,
  memory: Memory,
  folio: Folio,
  wasExclusive: boolean,
): Decision {
  const by: ReuseBy = rules.reuseSwapIn
  if (folio.kind === 'ksm') return 'copy'
  if (by === 'mapcount') return reuseSwapPage(memory, folio)
  if (by === 'exclusive' && wasExclusive) return 'reuse'
  return totalMaps(folio) === 1 ? isSoleReference(rules, memory, folio) : 'copy'
}
