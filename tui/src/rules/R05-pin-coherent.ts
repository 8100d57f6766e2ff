import type { LivePin } from '../history/judge.js'
import type { PageSize } from '../model/finding.js'
import { Kind, Outcome } from '../model/kinds.js'
import { whyReadOnly, type NamedCause } from './cause.js'
import { isSlotCertain, lostByFault, lostByRange, type Lost } from './lost-pins.js'
import { heldWords, isHeldPin, isPin, referenceOf, referenceWords } from './references.js'
import type { Answer, Checks, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { folioPages, sizeOfSlot } from './size.js'
import { SlotMap } from './slot-map.js'
import { SplitEvidence } from './split-evidence.js'
import { verdictOfLost } from './verdict.js'

/**
 * R05: while a pin taken through a slot is live, the slot keeps mapping the pinned frame.
 *
 * Sources: Torvalds, 17 Dec 2021, on GUP-triggered unsharing; Arcangeli / Shutemov, 2 May 2016, "vfio device assignment
 * regression with THP ref counting redesign". What a break means depends on who holds the reference: verdict.ts.
 */
export const pinCoherent: Rule = {
  id: 'R05',
  name: 'pin-coherent',
  statement: 'While a pin taken through a slot is live, the slot keeps mapping the pinned frame.',
  source:
    'Torvalds, 17 Dec 2021, on GUP-triggered unsharing; ' +
    'Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"',
  needs: ['gup', 'unpin'],
  judgesBy: 'state',
  isAboutPins: true,
  begin,
}

/** Slots whose frame was swapped out while it was held: whether that cost anything shows when it comes back. */
const MOST_SWAPPED = 4096
/** Pages of the largest folio that comes from swap. */
const MOST_SWAPPED_AT_ONCE = 512

interface Swapped {
  /** Number of the pin. */
  readonly pin: number
  /** The frame that it holds. */
  readonly pfn: number
}

const NONE: readonly Swapped[] = []

function begin(): Checks {
  const swapped = new SlotMap<Swapped>(MOST_SWAPPED)
  const splits = new SplitEvidence()
  const fault: Look = { outcomes: REPLACED, check: (scene) => replacedByFault(scene, splits) }
  return {
    [Kind.WpFault]: fault,
    [Kind.HugetlbWp]: fault,
    // Anonymous memory is never copied as a huge page: its mapping is split, and a fault on a page follows.
    [Kind.HugeWp]: {
      outcomes: [Outcome.Fallback],
      check: (scene) => {
        splits.note(scene)
        return undefined
      },
    },
    [Kind.SwapOut]: {
      check: (scene) => {
        rememberSwapped(scene, swapped)
        return undefined
      },
    },
    [Kind.SwapIn]: { check: (scene) => swappedIn(scene, swapped) },
    [Kind.KsmMerge]: { check: mergedByKsm },
    [Kind.Migrate]: { check: migrated },
    [Kind.Collapse]: { check: collapsed },
    [Kind.Unmap]: { check: (scene) => leftRange(scene, 'unmap', swapped) },
    [Kind.Remap]: { check: (scene) => leftRange(scene, 'remap', swapped) },
  }
}

const REPLACED = [Outcome.Copy, Outcome.Unshare]

function replacedByFault(scene: Scene, splits: SplitEvidence): Answer {
  const lost = lostByFault(scene, splits.of(scene))
  if (lost === undefined || lost === 'held' || lost === 'unknown') return lost
  return left(scene, lost, whyReadOnly(scene.slot, lost), scene.size)
}

function mergedByKsm(scene: Scene): Answer {
  const { view, mm, vpn, oldPfn, newPfn } = scene
  // Equal: the page itself became the KSM page.
  if (oldPfn === newPfn) return undefined
  // KSM merges only what nobody else holds (mm/ksm.c, write_protect_page()): a FOLL_GET reference is gone by then.
  return answered(scene, heldThrough(scene, view.pinsIn(mm, vpn, 1)), { cause: 'ksm', causeTgid: 0 })
}

/** Of every address space that maps it: the event's own is 0. */
function migrated(scene: Scene): Answer {
  const { events, i, view, oldPfn } = scene
  // Migration gives up where there are other references (mm/migrate.c, folio_migrate_mapping()): FOLL_GET is gone by then.
  const pins = view.pinsOn(oldPfn, folioPages(events, i)).filter((pin) => stillMaps(scene, pin))
  return answered(scene, heldThrough(scene, pins), { cause: 'migrate', causeTgid: 0 })
}

function stillMaps({ view }: Scene, { mm, vpn, pages, pin }: LivePin): boolean {
  return view.pinsIn(mm, vpn, pages).some((other) => other.pin === pin)
}

function collapsed(scene: Scene): Answer {
  if (scene.outcome === Outcome.Failed) return undefined
  // As migration: mm/khugepaged.c, __collapse_huge_page_isolate() gives up where there are other references.
  const pins = scene.view.pinsIn(scene.mm, scene.vpn, scene.pages)
  return answered(scene, heldThrough(scene, pins), { cause: 'collapse', causeTgid: 0 })
}

/** A FOLL_PIN of these that is certainly live. */
function heldThrough(scene: Scene, pins: readonly LivePin[]): Lost {
  if (!pins.some(isPin)) return undefined
  return pins.find((pin) => isHeldPin(pin) && isSlotCertain(scene, pin)) ?? 'unknown'
}

function rememberSwapped(scene: Scene, swapped: SlotMap<Swapped>): void {
  const { view, mm, vpn, oldPfn } = scene
  swapped.take(mm, vpn)
  const pins = view.pinsIn(mm, vpn, 1).filter((pin) => pin.pfn - pin.vpn === oldPfn - vpn)
  // Of FOLL_GET nobody will know then whether it is still live.
  const held = pins.find(isHeldPin) ?? pins.at(-1)
  if (held === undefined || scene.slot?.isCertain !== true) return
  swapped.set(mm, vpn, { pin: held.pin, pfn: oldPfn })
}

/** While the frame waits in the swap cache nothing is lost: it may come back to its slot. */
function swappedIn(scene: Scene, swapped: SlotMap<Swapped>): Answer {
  if (swapped.isEmpty) return undefined
  const { mm, vpn, newPfn, pages } = scene
  let lost: Lost = undefined
  for (let page = 0; page < Math.max(1, pages) && page < MOST_SWAPPED_AT_ONCE; page++) {
    const then = swapped.take(mm, vpn + page)
    if (then !== undefined) lost ??= then.pfn === newPfn + page ? 'held' : stillHeld(scene, then)
  }
  return answered(scene, lost, { cause: 'swap', causeTgid: 0 })
}

/** The pin that was on the frame when it went out. */
function stillHeld({ view }: Scene, { pin, pfn }: Swapped): Lost {
  const now = view.pinsOn(pfn, 1).find((one) => one.pin === pin)
  if (now === undefined) return undefined
  return isHeldPin(now) && view.isFrameCertain(pfn) ? now : 'unknown'
}

function leftRange(scene: Scene, cause: string, swapped: SlotMap<Swapped>): Answer {
  const { events, i, mm, vpn, pages } = scene
  const gone = swapped.isEmpty ? NONE : swapped.takeRange(mm, vpn, pages)
  const lost = gone.reduce<Lost>((found, one) => found ?? stillHeld(scene, one), lostByRange(scene))
  return answered(scene, lost, { cause, causeTgid: events.tgid[i] })
}

function answered(scene: Scene, lost: Lost, cause: NamedCause): Answer {
  if (lost === undefined || lost === 'held' || lost === 'unknown') return lost
  // The event tells of a range, or of the new folio: how the old one was mapped, the slot knows.
  return left(scene, lost, cause, sizeOfSlot(scene.view.slotAt(lost.mm, lost.vpn), scene.size))
}

function left(scene: Scene, pin: LivePin, { cause, causeTgid }: NamedCause, size: PageSize): Answer {
  const reference = referenceOf(pin)
  const { events, i } = scene
  const counts =
    events.refcount[i] > 0 ? `; refcount ${events.refcount[i]}, mapcount ${events.mapcount[i]}` : ''
  return {
    verdict: verdictOfLost(scene, pin, { cause, size }),
    cause,
    causeTgid,
    mm: pin.mm,
    size,
    reference,
    words: `the slot left the frame under ${referenceWords(reference)}, ${heldWords(reference, scene.timeNs)}${counts}`,
  }
}
