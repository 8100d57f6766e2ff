import { Flag, Kind } from '../model/kinds.js'
import type { Scene } from './scene.js'
import { folioPages, slotPages } from './size.js'

/** include/linux/mm.h: a FOLL_PIN reference on a small folio. On large ones it counts one, and in `_pincount`. */
const GUP_PIN_COUNTING_BIAS = 1024
/** mm/hugetlb.c, hugetlb_fault(): it holds the page itself when it calls hugetlb_wp() (read in 5.10, 6.1, 6.12, 7.2). */
const HELD_BY_HUGETLB_FAULT = 1

/**
 * References that the kernel counted on the event's old frame beyond its mappings, FOLL_PIN, the swap cache and an LRU
 * batch: those of FOLL_GET, and of whoever else just looks. `undefined` where the counts do not tell: they were not
 * read, contradict each other, or are of a folio whose other pages are mapped by themselves and were not counted.
 */
export function extraReferences(scene: Scene): number | undefined {
  const { events, i, size } = scene
  const flags = events.flags[i]
  const refcount = events.refcount[i]
  const mapcount = events.mapcount[i]
  const pincount = events.pincount[i]
  const mappings = folioMappings(scene)
  if (mappings !== undefined) {
    const cached = (flags & Flag.Swapcache) !== 0 ? folioPages(events, i) : 0
    const batch = (flags & Flag.Lru) === 0 ? 1 : 0
    return pincount < 0 || refcount < mappings ? undefined : refcount - mappings - pincount - cached - batch
  }
  if (size === 'pte-mapped' || mapcount < 1 || pincount < 0 || refcount < mapcount) return undefined
  if (size === 'hugetlb') return refcount - mapcount - pincount - HELD_BY_HUGETLB_FAULT
  return refcount - mapcount - pinReferences(scene) - cacheReferences(flags)
}

/** What FOLL_PIN has added to the reference count of the event's old frame; where it was not read, nothing is known of it. */
export function pinReferences({ events, i, size }: Scene): number {
  const pincount = Math.max(0, events.pincount[i])
  return size === '4k' ? pincount * GUP_PIN_COUNTING_BIAS : pincount
}

/** Mappings of all pages of a large folio, where the event counted them; the reference count is that of the folio. */
function folioMappings({ events, i, size, aux }: Scene): number | undefined {
  if (size !== 'pte-mapped' && size !== 'thp') return undefined
  const kind = events.kind[i]
  if (kind !== Kind.WpFault && kind !== Kind.HugeWp) return undefined
  const counted = Math.floor(aux / 2 ** 32)
  return counted === 0 ? undefined : counted - 1
}

/** Whether the event counts the mappings of the whole folio: then its references are told exactly. */
export function countsFolio(scene: Scene): boolean {
  return folioMappings(scene) !== undefined
}

/** The frames that the counts of `extraReferences` speak of: the folio where they are all of it, else what the slot maps. */
export function countedFrames(scene: Scene): { readonly pfn: number; readonly pages: number } {
  const { events, i, oldPfn } = scene
  if (!countsFolio(scene)) return { pfn: oldPfn, pages: slotPages(scene) }
  const pages = folioPages(events, i)
  return { pfn: oldPfn - (oldPfn % pages), pages }
}

/** The swap cache, and what holds a page that is on no LRU list: a batch that waits to be put there, or who isolated it. */
export function cacheReferences(flags: number): number {
  return ((flags & Flag.Swapcache) !== 0 ? 1 : 0) + ((flags & Flag.Lru) === 0 ? 1 : 0)
}
