import type { EventColumns } from '../../model/events.js'
import { Flag, Foll, Kind } from '../../model/kinds.js'
import type { Counts } from './rules.js'
import type { Met } from './world.js'

/** What one event of a recording says of a page and of who held it. */

const HUGE_ORDER = 9
/** Pages or mappings of one event: 1 GiB, the largest folio. Whoever says more is not believed. */
export const MOST_PAGES = 2 ** 18
const GUP_PIN_COUNTING_BIAS = 1024

/** The page of an event as other rules would have met it. */
export function metAt(events: EventColumns, i: number, writable: boolean): Met {
  const flags = events.flags[i]
  const isHugetlb = (flags & (Flag.Hugetlb | Flag.VmaHugetlb)) !== 0
  const isNew = events.kind[i] === Kind.AnonNew
  const isWhole = isNew || isHugetlb || (flags & Flag.PmdMapped) !== 0 || events.kind[i] === Kind.HugeWp
  return {
    pages: isWhole ? 2 ** Math.min(events.order[i], HUGE_ORDER) : 1,
    isHugetlb,
    others: Math.max(0, Math.min(events.mapcount[i], MOST_PAGES) - 1),
    writable,
    exclusive: writable || (flags & Flag.Exclusive) !== 0,
  }
}

/** References of the event itself: mm/hugetlb.c, hugetlb_fault() holds the page; a GUP call has just taken its own. */
function ownReferences(events: EventColumns, i: number): number {
  if (events.kind[i] === Kind.HugetlbWp) return 1
  return events.kind[i] === Kind.Gup && (events.aux[i] & Foll.Get) !== 0 ? 1 : 0
}

/** What the kernel counted, as far as other rules would have met it too. */
export function countsOf(events: EventColumns, i: number): Counts {
  const flags = events.flags[i]
  const isSmall = events.order[i] === 0
  const passing = Number((flags & Flag.Swapcache) !== 0) + Number((flags & (Flag.Lru | Flag.Hugetlb)) === 0)
  const pinned = isSmall ? events.pincount[i] * GUP_PIN_COUNTING_BIAS : events.pincount[i]
  const extra = events.refcount[i] - Math.max(1, events.mapcount[i]) - pinned - passing
  // Of a folio whose pages are mapped one by one the counts of all are in one: no telling them apart.
  const isTold = isSmall || (flags & (Flag.PmdMapped | Flag.Hugetlb)) !== 0
  return { isHeld: isTold && extra > ownReferences(events, i), isPassing: passing > 0 }
}
