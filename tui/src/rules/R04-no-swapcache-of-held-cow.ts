import { Kind } from '../model/kinds.js'
import { heldWords, isHeldPin, isPin, referenceOf, referenceWords } from './references.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'

/**
 * R04: no swap-cache frame is made of a writable COW frame that is held.
 *
 * Source: Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (d).
 */
export const noSwapcacheOfHeldCow: Rule = {
  id: 'R04',
  name: 'no-swapcache-of-writable-cow',
  statement: 'No swap-cache frame is made of a writable COW frame that is held.',
  source: 'Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", rule (d)',
  needs: ['gup', 'unpin'],
  judgesBy: 'state',
  isAboutPins: true,
  begin: () => ({ [Kind.SwapOut]: { check } }),
}

function check(scene: Scene): Answer {
  const { view, oldPfn } = scene
  const pins = view.pinsOn(oldPfn, 1).filter(isPin)
  if (pins.length === 0) return undefined
  const pin = pins.find(isHeldPin)
  if (pin === undefined) return 'unknown'
  const reference = referenceOf(pin)
  return {
    verdict: scene.judged('R04', 'measured', { kind: 'pin', cause: 'swap' }),
    cause: 'swap',
    reference,
    words: `swapped out under ${referenceWords(reference)}, ${heldWords(reference, scene.timeNs)}`,
  }
}
