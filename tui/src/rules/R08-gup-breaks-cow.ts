import { Flag, Foll, Kind } from '../model/kinds.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { countWords, follOf, follWords, isSharedFrame, referenceTaken, sizeTaken } from './taken.js'

/**
 * R08: FOLL_PIN of anonymous memory in a COW mapping returns a frame that is exclusive to that address space.
 *
 * Source: Torvalds, 17 Dec 2021, on GUP-triggered unsharing.
 */
export const gupBreaksCow: Rule = {
  id: 'R08',
  name: 'gup-breaks-cow',
  statement:
    'FOLL_PIN of anonymous memory in a COW mapping returns a frame that is exclusive to that address space.',
  source: 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing',
  needs: [],
  judgesBy: 'event',
  isAboutPins: false,
  begin: () => ({ [Kind.Gup]: { flags: Flag.Anon, check } }),
}

function check(scene: Scene): Answer {
  const foll = follOf(scene)
  // Only private mappings have anonymous memory; the fast path does not look at them.
  if ((foll & Foll.Pin) === 0 || scene.has(Flag.VmaShared)) return undefined
  const isShared = isSharedFrame(scene)
  if (isShared === undefined) return 'unknown'
  if (!isShared) return 'held'
  const size = sizeTaken(scene)
  return {
    verdict: scene.judged('R08', 'measured', { kind: 'pin', cause: 'gup', size }),
    cause: 'gup',
    size,
    reference: referenceTaken(scene),
    words: `a shared frame was returned (${follWords(foll)}): ${countWords(scene)}`,
  }
}
