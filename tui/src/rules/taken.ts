import type { PageSize, Reference } from '../model/finding.js'
import { Flag, Foll } from '../model/kinds.js'
import type { Scene } from './scene.js'
import { folioPages } from './size.js'

/** `Foll` bits of a GUP event; above them stands the number of the call. */
export function follOf(scene: Scene): number {
  return scene.aux % 2 ** 32
}

/** How the slot maps what GUP returned: its event tells the folio, the history the mapping. */
export function sizeTaken({ size, slot }: Scene): PageSize {
  return size === 'pte-mapped' && slot?.isPmdMapped ? 'thp' : size
}

/** Whether the anonymous frame that GUP returned belongs to others, too; undefined: it cannot be known. */
export function isSharedFrame(scene: Scene): boolean | undefined {
  if (scene.has(Flag.Exclusive)) return false
  if (!scene.policy.mechanics.pinUnshares) return isMappedElsewhere(scene)
  // From here on what a pin may hold carries PageAnonExclusive.
  return hasOwnExclusiveBit(scene) ? true : undefined
}

/** Of what is mapped as one (PMD, hugetlb), only the head carries the bit (include/linux/page-flags.h, PG_anon_exclusive). */
function hasOwnExclusiveBit({ size, slot, oldPfn, events, i }: Scene): boolean {
  if (size === '4k' || oldPfn % folioPages(events, i) === 0) return true
  return size !== 'hugetlb' && slot?.isPmdMapped === false
}

/** Whether another address space maps the frame that GUP returned. */
export function isMappedElsewhere(scene: Scene): boolean | undefined {
  const mapcount = scene.events.mapcount[scene.i]
  return mapcount < 1 ? undefined : mapcount > 1
}

/** "refcount 3, mapcount 2, exclusive" of the frame that the event names. */
export function countWords({ events, i, flags }: Scene): string {
  const exclusive = (flags & Flag.Exclusive) !== 0 ? 'exclusive' : 'not exclusive'
  return `refcount ${events.refcount[i]}, mapcount ${events.mapcount[i]}, ${exclusive}`
}

/** "FOLL_PIN, long-term, fast, for reading" */
export function follWords(foll: number): string {
  return FOLL_WORDS.filter(([bit]) => (foll & bit) !== 0)
    .map(([, word]) => word)
    .concat((foll & Foll.Write) !== 0 ? 'for writing' : 'for reading')
    .join(', ')
}

const FOLL_WORDS: readonly (readonly [number, string])[] = [
  [Foll.Get, 'FOLL_GET'],
  [Foll.Pin, 'FOLL_PIN'],
  [Foll.Longterm, 'long-term'],
  [Foll.Force, 'forced'],
  [Foll.Remote, 'remote'],
  [Foll.Fast, 'fast'],
]

/** The reference that a GUP event tells of; the history has given it no number yet. */
export function referenceTaken(scene: Scene): Reference {
  const { events, i, mm, vpn, timeNs } = scene
  const foll = follOf(scene)
  return {
    pin: 0,
    kind: (foll & Foll.Pin) !== 0 ? 'pin' : 'get',
    write: (foll & Foll.Write) !== 0,
    longterm: (foll & Foll.Longterm) !== 0,
    stack: events.stack[i],
    tgid: events.tgid[i],
    mm,
    vpn,
    takenNs: timeNs,
  }
}
