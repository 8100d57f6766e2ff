import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { cacheReferences, countedFrames, extraReferences, pinReferences } from './counts.js'
import { liveOf } from './liveness.js'
import { heldWords, isPin, referenceOf, referenceWords } from './references.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { slotPages } from './size.js'
import { follOf } from './taken.js'

/**
 * R06: a pin held through one address space never shows what another wrote after the fork.
 *
 * Source: Torvalds, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW"; CVE-2020-29374.
 */
export const isolation: Rule = {
  id: 'R06',
  name: 'isolation',
  statement:
    'A pin held through one address space never shows a write that another made to its own private copy after the fork.',
  source: 'Torvalds, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW"; CVE-2020-29374',
  needs: ['gup', 'unpin'],
  judgesBy: 'state',
  isAboutPins: true,
  begin: () => ({
    [Kind.WpFault]: REUSE,
    [Kind.HugeWp]: REUSE,
    [Kind.HugetlbWp]: REUSE,
    [Kind.SwapIn]: { flags: Flag.Writable, check: swappedInWritable },
  }),
}

const REUSE: Look = { outcomes: [Outcome.Reuse], check: reused }

function reused(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  const answer = judged(scene, scene.oldPfn, extraOfReuse, 'reuse')
  return typeof answer === 'object' && isForcedForRead(scene) ? 'unknown' : answer
}

/**
 * A call for reading broke COW (mm/gup.c, should_force_cow_break(), 5.8), through a mapping that may be read-only: then the page
 * stays so (include/linux/mm.h, maybe_mkwrite()), and nobody can write what the other holds. No event tells VM_WRITE.
 */
function isForcedForRead(scene: Scene): boolean {
  return scene.has(Flag.InGup) && (follOf(scene) & Foll.Write) === 0
}

/**
 * Where the kernel has decided there is one mapping, and no swap cache any more. A batch of the LRU may still hold a reference: a
 * kernel that decides by mappings (up to 5.8, reuse_swap_page()) does not wait for it, nor for FOLL_PIN, the writer's own perhaps;
 * where references decide, none of them is left.
 */
function extraOfReuse(scene: Scene): number | undefined {
  const { events, i, size } = scene
  if (size === '4k' && scene.has(Flag.CountsAtDecision))
    return events.refcount[i] - 1 - pinReferences(scene) - (scene.has(Flag.Lru) ? 0 : 1)
  return extraReferences(scene)
}

function swappedInWritable(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  return judged(scene, scene.newPfn, extraOfSwapIn, 'swap')
}

function extraOfSwapIn({ events, i, size, flags }: Scene): number | undefined {
  const refcount = events.newRefcount[i]
  return refcount > 0 && size === '4k' ? refcount - 1 - cacheReferences(flags) : undefined
}

function judged(
  scene: Scene,
  pfn: number,
  extraOf: (scene: Scene) => number | undefined,
  cause: string,
): Answer {
  const { view, events, i, size } = scene
  const pages = slotPages(scene)
  const { mm } = scene
  if (mm === 0 || !view.hasOthersPins(mm, pfn, pages)) return undefined
  const foreign = view.pinsOn(pfn, pages).filter((pin) => pin.mm !== mm)
  if (foreign.length === 0) return undefined
  if (!view.isFrameCertain(pfn)) return 'unknown'
  // The kernel has once found it the page of this address space alone: a FOLL_GET reference of another was gone by then.
  // Of hugetlb it looks at mappings only (mm/hugetlb.c, hugetlb_wp()), also where a pin for reading makes it exclusive.
  const isOwn = scene.has(Flag.Exclusive) && size !== 'hugetlb'
  const suspects = isOwn ? foreign.filter(isPin) : foreign
  if (suspects.length === 0) return 'held'
  const counted = pfn === scene.oldPfn ? countedFrames(scene) : { pfn, pages }
  const live = liveOf(suspects, extraOf(scene), {
    ...counted,
    pins: view.pinsOn(counted.pfn, counted.pages),
    size,
    isSample: view.isSample,
  })
  if (live === undefined) return 'held'
  if (live === 'doubt') return 'unknown'
  const reference = referenceOf(live)
  const { kind } = reference
  const verdict = scene.judged('R06', 'hazard', { kind, cause })
  // A reference may go between the count and the decision: where the kernel promises to look, it is believed.
  if (verdict === 'violation' && kind === 'get' && !scene.has(Flag.CountsAtDecision)) return 'unknown'
  return {
    verdict,
    cause,
    causeTgid: events.tgid[i],
    // The victim is who took the reference; the memory is that of the writer.
    reference,
    words:
      `written in place under ${referenceWords(reference)} taken through another address space, ` +
      `${heldWords(reference, scene.timeNs)}; refcount ${events.refcount[i]}, mapcount ${events.mapcount[i]}`,
  }
}
