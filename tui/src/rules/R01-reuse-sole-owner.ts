import { Flag, Kind, Outcome } from '../model/kinds.js'
import { cacheReferences, extraReferences } from './counts.js'
import { liveOf } from './liveness.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { slotPages } from './size.js'

/**
 * R01: anonymous memory is made writable in place only for a sole owner.
 *
 * Source: Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (a). The counts count where
 * the kernel has decided; those of the fault's beginning may hold references that it then waited out, so they
 * accuse only together with an owner that the history knows.
 */
export const reuseSoleOwner: Rule = {
  id: 'R01',
  name: 'reuse-sole-owner',
  statement: 'Anonymous memory is made writable in place only for a sole owner.',
  source: 'Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (a)',
  needs: [],
  judgesBy: 'state',
  isAboutPins: false,
  begin: () => ({ [Kind.WpFault]: REUSE, [Kind.HugeWp]: REUSE, [Kind.HugetlbWp]: REUSE }),
}

const REUSE: Look = { outcomes: [Outcome.Reuse], flags: Flag.Anon, check }

function check(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  if (scene.has(Flag.Exclusive)) return 'held'
  const beyond = referencesBeyondOne(scene)
  if (beyond === undefined) return 'unknown'
  if (beyond <= 0) return 'held'
  const other = otherOwner(scene)
  if (other === undefined) return 'unknown'
  const { refcount, mapcount } = scene.events
  return {
    verdict: scene.judged('R01', 'measured', { cause: 'reuse' }),
    cause: 'reuse',
    words: `made writable in place with refcount ${refcount[scene.i]} and mapcount ${mapcount[scene.i]}: ${other}`,
  }
}

/** What is left of the reference count without this one mapping. */
function referencesBeyondOne(scene: Scene): number | undefined {
  const { events, i, size, flags } = scene
  const refcount = events.refcount[i]
  if (refcount < 1 || size === 'pte-mapped') return undefined
  // The swap cache was left and the batch drained before (mm/memory.c, do_wp_page(); later wp_can_reuse_anon_folio()).
  if (scene.has(Flag.CountsAtDecision)) return refcount - 1
  if (size === 'hugetlb') {
    const extra = extraReferences(scene)
    return extra === undefined ? undefined : extra + events.mapcount[i] - 1 + events.pincount[i]
  }
  return refcount - 1 - cacheReferences(flags)
}

/** Somebody else who certainly had the frame, in words. */
function otherOwner(scene: Scene): string | undefined {
  const { events, i, view, mm, oldPfn, size } = scene
  if (events.mapcount[i] > 1 && view.slotsOf(oldPfn).some((slot) => slot.mm !== mm && slot.isCertain))
    return 'another address space maps it'
  if (!view.hasPins) return undefined
  const pages = slotPages(scene)
  const pins = view.pinsOn(oldPfn, pages)
  const live = liveOf(
    pins.filter((pin) => pin.mm !== mm),
    extraReferences(scene),
    { pins, pfn: oldPfn, pages, size, isSample: view.isSample },
  )
  return live === undefined || live === 'doubt'
    ? undefined
    : 'a reference taken through another address space is live'
}
