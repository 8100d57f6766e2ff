import { Flag, Kind } from '../model/kinds.js'
import { heldWords, isHeldPin, isPin, referenceOf, referenceWords } from './references.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { folioPages } from './size.js'

/**
 * R17: each FOLL_PIN reference is given back once.
 *
 * Source: Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign". A pin
 * that was taken before tracing began, or by a way that no leg sees, is not known here; the kernel's own count of
 * pins knows it. So it takes both to accuse: what was seen, and what the kernel counted at that moment. When a process
 * ends, kernel threads may still give back for it: that is no imbalance.
 */
export const pinBalance: Rule = {
  id: 'R17',
  name: 'pin-balance',
  statement: 'Each FOLL_PIN reference is given back once, and before its frame is freed.',
  source:
    'Arcangeli / Shutemov, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"',
  needs: ['gup', 'unpin', 'free'],
  judgesBy: 'state',
  isAboutPins: false,
  begin: () => ({ [Kind.Unpin]: { check: unpinned }, [Kind.FrameFree]: { check: freed } }),
}

function unpinned(scene: Scene): Answer {
  const { view, events, i, oldPfn } = scene
  if (oldPfn === 0) return undefined
  const pages = Math.max(1, events.pages[i])
  if (view.hasPins && view.pinsOn(oldPfn, pages).some((pin) => isPin(pin) && pin.held > 0)) return 'held'
  // The zero page is never counted (mm/gup.c, gup_put_folio()); it is neither of a file nor anonymous.
  if (events.refcount[i] <= 0 || events.pincount[i] !== 0 || !scene.has(Flag.Anon | Flag.File))
    return 'unknown'
  return {
    verdict: scene.judged('R17', 'measured', { kind: 'pin', cause: 'unpin' }),
    cause: 'unpin',
    words: `a FOLL_PIN reference was given back that nobody held; refcount ${events.refcount[i]}, pincount 0`,
  }
}

function freed(scene: Scene): Answer {
  const { view, events, i, oldPfn } = scene
  if (!view.hasPins) return undefined
  const on = view.pinsOn(oldPfn, folioPages(events, i))
  if (on.length === 0) return undefined
  const pins = on.filter(isPin)
  if (pins.length === 0) return undefined
  const pin = pins.find(isHeldPin)
  if (pin === undefined || events.pincount[i] <= 0) return 'unknown'
  const reference = referenceOf(pin)
  return {
    verdict: scene.judged('R17', 'measured', { kind: 'pin', cause: 'free' }),
    cause: 'free',
    mm: pin.mm,
    reference,
    words: `freed under ${referenceWords(reference)}, ${heldWords(reference, scene.timeNs)}; pincount ${events.pincount[i]}`,
  }
}
