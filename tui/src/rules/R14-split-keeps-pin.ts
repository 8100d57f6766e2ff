import type { LivePin } from '../history/judge.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { heldWords, isHeldPin, isPin, referenceOf, referenceWords } from './references.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { folioPages, sizeOfSlot } from './size.js'

/**
 * R14: splitting a PMD leaves every pinned page mapped where it was and reusable; splitting a held folio fails.
 *
 * Source: Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign".
 */
export const splitKeepsPin: Rule = {
  id: 'R14',
  name: 'split-keeps-pin',
  statement:
    'Splitting a PMD leaves every pinned page mapped where it was and reusable; splitting a held folio fails.',
  source:
    'Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"',
  needs: ['gup', 'unpin', 'pmd-split'],
  judgesBy: 'state',
  isAboutPins: true,
  begin: () => ({
    [Kind.PmdSplit]: { check: pmdSplit },
    [Kind.FolioSplit]: { check: folioSplit },
    [Kind.WpFault]: { outcomes: [Outcome.Copy], check: copied },
  }),
}

/** The event itself says that the same frames stay mapped: what it cannot say is that they were not. */
function pmdSplit({ view, mm, vpn, pages, oldPfn }: Scene): Answer {
  const pins = view.pinsIn(mm, vpn, pages).filter(isPin)
  if (pins.length === 0) return undefined
  return pins.every((pin) => isHeldPin(pin) && pin.pfn - pin.vpn === oldPfn - vpn) ? 'held' : 'unknown'
}

function folioSplit(scene: Scene): Answer {
  const { view, events, i, oldPfn } = scene
  const pins = view.pinsOn(oldPfn, folioPages(events, i)).filter(isPin)
  if (pins.length === 0) return undefined
  if (scene.outcome === Outcome.Failed) return 'held'
  const pin = pins.find(isHeldPin)
  // At its entry; a reference that was given back before the split froze the folio was none of its concern.
  if (pin === undefined || events.pincount[i] === 0) return 'unknown'
  return broken(scene, pin, { verdict: 'measured', cause: 'folio-split', what: 'a folio was split' })
}

/** The next write to a page whose PMD was split. */
function copied(scene: Scene): Answer {
  if (scene.has(Flag.VmaShared)) return undefined
  const { view, mm, vpn, oldPfn } = scene
  const through = view.pinsIn(mm, vpn, 1)
  if (through.length === 0) return undefined
  const pins = through.filter((pin) => isPin(pin) && pin.splitNs >= pin.fromNs && pin.splitNs > 0)
  if (pins.length === 0) return undefined
  const pin = pins.find((one) => isHeldPin(one) && one.pfn - one.vpn === oldPfn - vpn)
  if (pin === undefined || scene.slot?.isCertain !== true) return 'unknown'
  const what = 'after its PMD was split, a page was copied'
  return broken(scene, pin, { verdict: 'hazard', cause: 'pmd-split', what })
}

/** `verdict`: what it comes to where this kernel does not promise it. */
function broken(
  scene: Scene,
  pin: LivePin,
  { verdict, cause, what }: { verdict: 'hazard' | 'measured'; cause: string; what: string },
): Answer {
  const reference = referenceOf(pin)
  const size = sizeOfSlot(scene.view.slotAt(pin.mm, pin.vpn), scene.size)
  return {
    verdict: scene.judged('R14', verdict, { kind: 'pin', cause, size }),
    cause,
    mm: pin.mm,
    size,
    reference,
    words: `${what} under ${referenceWords(reference)}, ${heldWords(reference, scene.timeNs)}`,
  }
}
