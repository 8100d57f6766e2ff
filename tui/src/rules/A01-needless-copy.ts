import { Flag, Kind, Outcome } from '../model/kinds.js'
import { extraReferences } from './counts.js'
import { getsTaken, isPin } from './references.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { slotPages } from './size.js'

/**
 * A01, advice: a copy was made though the only mapping was this one.
 *
 * Source: Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign", on the two
 * reference counts.
 */
export const needlessCopy: Rule = {
  id: 'A01',
  name: 'needless-copy',
  statement: 'No copy is made where the only mapping is this one and nobody holds a pin.',
  source:
    'Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"',
  needs: [],
  judgesBy: 'event',
  isAboutPins: false,
  begin: () => ({ [Kind.WpFault]: COPY, [Kind.HugetlbWp]: COPY }),
}

const COPY: Look = { outcomes: [Outcome.Copy], flags: Flag.Anon, check }

const PAGE_BYTES = 4096
/** A KSM page is never written, by how many it may be mapped. */
const NOT_OURS = Flag.Ksm | Flag.VmaShared

function check(scene: Scene): Answer {
  if (scene.has(NOT_OURS)) return undefined
  const { events, i, view, oldPfn } = scene
  const mapcount = events.mapcount[i]
  if (mapcount < 1) return 'unknown'
  if (mapcount > 1 || events.pincount[i] > 0) return 'held'
  const pages = slotPages(scene)
  const pins = view.hasPins ? view.pinsOn(oldPfn, pages) : []
  if (pins.some(isPin)) return 'held'
  const holder = holderOf(scene, getsTaken(pins, oldPfn, pages))
  const bytes = pages * PAGE_BYTES
  return {
    verdict: 'advice',
    cause: holder.cause,
    words: `copied ${bytes} bytes, though mapped by this slot alone: ${holder.words} (refcount ${events.refcount[i]})`,
  }
}

function holderOf(scene: Scene, gets: number): { readonly cause: string; readonly words: string } {
  const extra = extraReferences(scene)
  if (gets > 0 && extra !== undefined && extra > 0)
    return { cause: 'gup-get', words: 'a FOLL_GET reference was on it' }
  if (scene.has(Flag.Swapcache)) return { cause: 'swap-cache', words: 'the swap cache held it' }
  if (scene.size === 'pte-mapped')
    return { cause: 'large-folio', words: 'other pages of its folio are in use' }
  if (!scene.has(Flag.Lru) && scene.size !== 'hugetlb')
    return { cause: 'lru-batch', words: 'a batch of the LRU held it, or who isolated it' }
  return { cause: 'other', words: 'another reference was on it' }
}
