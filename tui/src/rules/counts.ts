import { Flag } from '../model/kinds.js'
import type { Scene } from './scene.js'

/** include/linux/mm.h: a FOLL_PIN reference on a small folio. On large ones it counts one, and in `_pincount`. */
const GUP_PIN_COUNTING_BIAS = 1024
/** mm/hugetlb.c, hugetlb_fault(): it holds the page itself when it calls hugetlb_wp() (read in 5.10, 6.1, 6.12, 7.2). */
const HELD_BY_HUGETLB_FAULT = 1

/**
 * References that the kernel counted on the event's old frame beyond its mappings, FOLL_PIN, the swap cache and an LRU
 * batch: those of FOLL_GET, and of whoever else just looks. `undefined` where the counts do not tell: they were not
 * read, contradict each other, or are of a folio whose other pages are mapped by themselves.
 */
export function extraReferences({ events, i, size }: Scene): number | undefined {
  const flags = events.flags[i]
  const refcount = events.refcount[i]
  const mapcount = events.mapcount[i]
  const pincount = events.pincount[i]
  if (size === 'pte-mapped' || mapcount < 1 || pincount < 0 || refcount < mapcount) return undefined
  if (size === 'hugetlb') return refcount - mapcount - pincount - HELD_BY_HUGETLB_FAULT
  const pinned = size === '4k' ? pincount * GUP_PIN_COUNTING_BIAS : pincount
  return refcount - mapcount - pinned - cacheReferences(flags)
}

/** The swap cache, and what holds a page that is on no LRU list: a batch that waits to be put there, or who isolated it. */
export function cacheReferences(flags: number): number {
  return ((flags & Flag.Swapcache) !== 0 ? 1 : 0) + ((flags & Flag.Lru) === 0 ? 1 : 0)
}
