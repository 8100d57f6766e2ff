import type { LivePin, SlotView } from '../history/judge.js'
import type { PageSize } from '../model/finding.js'
import { Flag, Kind, Outcome, Protection } from '../model/kinds.js'
import { protectionName } from './cause.js'
import { extraReferences } from './counts.js'
import { liveOf } from './liveness.js'
import { heldWords, isHeldPin, isPin, referenceOf, referenceWords } from './references.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { sizeOfSlot } from './size.js'

/**
 * R03: a writable COW frame is not made read-only while somebody else holds it.
 *
 * Source: Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (c). It was never taken up:
 * what is counted here answers how often it would have refused, and for how long the pin had been held.
 */
export const noWrprotectWhileHeld: Rule = {
  id: 'R03',
  name: 'no-wrprotect-while-held',
  statement: 'A writable COW frame is not made read-only while somebody else holds it.',
  source: 'Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (c)',
  needs: ['gup', 'unpin'],
  judgesBy: 'state',
  isAboutPins: true,
  begin: () => ({
    [Kind.ForkVma]: { flags: COPIED_BY_FORK, check: forked },
    [Kind.Wrprotect]: { check: protectedRange },
  }),
}

/** Page tables that fork copies: mm/memory.c, copy_page_range() > vma_needs_copy(). */
const COPIED_BY_FORK = Flag.VmaAnon | Flag.VmaUffdWp | Flag.VmaHugetlb

function forked(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared | Flag.VmaWipeonfork)) return undefined
  if (scene.outcome === Outcome.Failed) return undefined
  const { events, i, view } = scene
  const child = view.mmOf(events.otherMm[i])
  // What fork copied early for the child was told before, and stays writable for the parent.
  return judgedRange(scene, 'fork', (pin) => !hasOwnCopy(scene, child, pin))
}

function hasOwnCopy({ view }: Scene, child: number, pin: LivePin): boolean {
  const slot = view.slotAt(child, pin.vpn)
  return slot !== undefined && slot.pfn !== pin.pfn
}

function protectedRange(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  const protection = scene.aux
  switch (protection) {
    case Protection.Ksm:
      return mergedByKsm(scene)
    case Protection.Mprotect:
    case Protection.UffdWp:
    case Protection.Numa:
      return judgedRange(scene, protectionName(protection), () => true)
    case Protection.SoftDirty:
      // fs/proc/task_mmu.c, pte_is_pinned(): by PTE, it leaves alone what may be pinned (read in 5.10, 6.1, 6.12).
      return judgedRange(
        scene,
        'soft-dirty',
        (pin) => !isPin(pin) || sizeOfSlot(scene.view.slotAt(scene.mm, pin.vpn), scene.size) === 'thp',
      )
    default:
      return undefined
  }
}

/** Ranges come without counts: of FOLL_GET nothing can be known. */
function judgedRange(scene: Scene, cause: string, concerns: (pin: LivePin) => boolean): Answer {
  const { view, mm, vpn, pages } = scene
  let answer: Answer = undefined
  let slot: SlotView | undefined
  for (const pin of view.pinsIn(mm, vpn, pages)) {
    const isConcerned = concerns(pin)
    if (!isConcerned && answer !== undefined) continue
    // Many are on one page: they come together.
    if (slot?.vpn !== pin.vpn) slot = view.slotAt(mm, pin.vpn)
    // Read-only already: nothing is taken from it.
    if (slot !== undefined && slot.protectedBy !== 0) continue
    if (!isConcerned) {
      answer = 'held'
      continue
    }
    if (!isHeldPin(pin) || slot?.isCertain !== true) {
      answer = 'unknown'
      continue
    }
    const size = sizeOfSlot(slot, scene.size)
    return broken(scene, pin, { cause, size, how: 'deduced: the event tells a range' })
  }
  return answer
}

/** mm/ksm.c, write_protect_page(): one page, with its counts. */
function mergedByKsm(scene: Scene): Answer {
  const { view, mm, vpn, oldPfn } = scene
  const pins = view.pinsIn(mm, vpn, 1)
  if (pins.length === 0) return undefined
  if (scene.slot?.isCertain !== true) return 'unknown'
  const on = {
    pins: view.pinsOn(oldPfn, 1),
    pfn: oldPfn,
    pages: 1,
    size: scene.size,
    isSample: view.isSample,
  }
  const live = liveOf(pins, ksmExtra(scene), on)
  if (live === undefined) return 'held'
  if (live === 'doubt') return 'unknown'
  return broken(scene, live, {
    cause: 'ksm',
    size: scene.size,
    how: 'the page was write-protected to be merged',
  })
}

/** KSM itself holds the page while it looks (follow_page() or folio_walk_start(), then folio_get()). */
function ksmExtra(scene: Scene): number | undefined {
  const extra = extraReferences(scene)
  return extra === undefined ? undefined : extra - 1
}

function broken(
  scene: Scene,
  pin: LivePin,
  { cause, size, how }: { cause: string; size: PageSize; how: string },
): Answer {
  const reference = referenceOf(pin)
  const { kind } = reference
  return {
    verdict: scene.judged('R03', 'measured', { kind, cause, size }),
    cause,
    causeTgid: scene.events.tgid[scene.i],
    size,
    reference,
    words: `made read-only under ${referenceWords(reference)}, ${heldWords(reference, scene.timeNs)} (${how})`,
  }
}
