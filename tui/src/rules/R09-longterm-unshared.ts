import { Flag, Foll, Kind } from '../model/kinds.js'
import type { Answer, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { countWords, follOf, follWords, isSharedFrame, referenceTaken, sizeTaken } from './taken.js'

/**
 * R09: a FOLL_LONGTERM pin without FOLL_WRITE has broken COW first.
 *
 * Source: Torvalds, 17 Dec 2021, on GUP-triggered unsharing: users such as VFIO see incoherent pages otherwise.
 */
export const longtermUnshared: Rule = {
  id: 'R09',
  name: 'longterm-unshared',
  statement:
    'A FOLL_LONGTERM pin without FOLL_WRITE has broken COW first, of file and zero pages in private mappings too.',
  source: 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing',
  needs: [],
  judgesBy: 'event',
  isAboutPins: false,
  begin: () => ({ [Kind.Gup]: { check } }),
}

const LONGTERM_PIN = Foll.Pin | Foll.Longterm

function check(scene: Scene): Answer {
  const foll = follOf(scene)
  if ((foll & LONGTERM_PIN) !== LONGTERM_PIN || (foll & Foll.Write) !== 0) return undefined
  if (scene.has(Flag.VmaShared)) return undefined
  const isBroken = scene.has(Flag.Anon) ? isSharedFrame(scene) : isOfPrivateMapping(scene)
  if (isBroken === undefined) return 'unknown'
  if (!isBroken) return 'held'
  const size = sizeTaken(scene)
  return {
    verdict: scene.judged('R09', 'measured', { kind: 'pin', cause: 'gup', size }),
    cause: 'gup',
    size,
    reference: referenceTaken(scene),
    words: `a page that a write would copy was returned (${follWords(foll)}): ${countWords(scene)}`,
  }
}

/** A page of a file or the zero page, where a write would make a private copy; undefined where the mapping is not told. */
function isOfPrivateMapping(scene: Scene): boolean | undefined {
  if (!scene.has(Flag.File | Flag.Zero)) return undefined
  return scene.has(Flag.VmaMaywrite) ? true : undefined
}
