import type { LivePin } from '../history/judge.js'
import { Kind, Outcome, Protection } from '../model/kinds.js'
import { lostByFault, lostByRange, type Lost } from './lost-pins.js'
import { heldWords, referenceOf, referenceWords } from './references.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { sizeOfSlot } from './size.js'
import { isDoneByOwner } from './verdict.js'

/**
 * A03, advice: the process itself detached its pin, by munmap, MADV_DONTNEED, mremap, or an mprotect round trip.
 *
 * Source: Torvalds, 17 Dec 2021, on GUP-triggered unsharing: "you get to keep both pieces".
 */
export const selfInflicted: Rule = {
  id: 'A03',
  name: 'self-inflicted',
  statement: 'A process does not itself detach its slots from frames that it has pinned.',
  source: 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing: "you get to keep both pieces"',
  needs: ['gup', 'unpin'],
  judgesBy: 'state',
  isAboutPins: true,
  begin: () => ({
    [Kind.Unmap]: { check: (scene) => byRange(scene, 'unmap') },
    [Kind.Remap]: { check: (scene) => byRange(scene, 'remap') },
    [Kind.WpFault]: REPLACED,
    [Kind.HugetlbWp]: REPLACED,
  }),
}

const REPLACED: Look = { outcomes: [Outcome.Copy, Outcome.Unshare], check: byRoundTrip }

function byRange(scene: Scene, cause: string): Answer {
  if (!isDoneByOwner(scene, scene.mm)) return undefined
  return answered(scene, lostByRange(scene), cause)
}

/** A write after the process had made the page read-only and writable again. */
function byRoundTrip(scene: Scene): Answer {
  const lost = lostByFault(scene)
  if (lost === undefined) return undefined
  const { slot } = scene
  if (slot?.protectedBy !== Protection.Mprotect && slot?.protectedBy !== Protection.MprotectWritable)
    return undefined
  const owner = scene.view.tgidOf(scene.mm)
  if (owner !== 0 && slot.protectedByTgid !== owner) return undefined
  return answered(scene, lost, 'mprotect')
}

function answered(scene: Scene, lost: Lost, cause: string): Answer {
  return lost === undefined || lost === 'held' || lost === 'unknown' ? lost : advised(scene, lost, cause)
}

function advised(scene: Scene, pin: LivePin, cause: string): Answer {
  const reference = referenceOf(pin)
  return {
    verdict: 'advice',
    cause,
    causeTgid: scene.events.tgid[scene.i],
    mm: pin.mm,
    size: sizeOfSlot(scene.view.slotAt(pin.mm, pin.vpn), scene.size),
    reference,
    words: `the process detached ${referenceWords(reference)} by ${cause}, ${heldWords(reference, scene.timeNs)}`,
  }
}
