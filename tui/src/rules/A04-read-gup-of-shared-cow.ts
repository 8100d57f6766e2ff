import type { LivePin } from '../history/judge.js'
import type { PageSize } from '../model/finding.js'
import { Flag, Foll, Kind } from '../model/kinds.js'
import { heldWords, isPin, referenceOf } from './references.js'
import type { Answer, Checks, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { countWords, follOf, follWords, isMappedElsewhere, referenceTaken, sizeTaken } from './taken.js'

/**
 * A04, measurement: GUP without FOLL_WRITE found a read-only COW page that is shared with another address space.
 *
 * Source: Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse": how common that is was asked
 * there, and nobody had data.
 */
export const readGupOfSharedCow: Rule = {
  id: 'A04',
  name: 'read-gup-of-shared-cow',
  statement: 'GUP without FOLL_WRITE finds no read-only COW page that is shared with another address space.',
  source: 'Lutomirski / Torvalds, Jan 2021, "mm: restore full accuracy in COW page reuse", an open question',
  needs: [],
  judgesBy: 'event',
  isAboutPins: false,
  begin,
}

/** Pins whose return is waited for, to tell how long they were held. */
const MOST_WAITING = 4096

function begin(): Checks {
  /** Page size by the event that told of the pin. */
  const waiting = new Map<number, PageSize>()
  return {
    [Kind.Gup]: { flags: Flag.Anon, check: (scene) => taken(scene, waiting) },
    [Kind.Unpin]: { check: (scene) => (waiting.size === 0 ? undefined : givenBack(scene, waiting)) },
  }
}

function taken(scene: Scene, waiting: Map<number, PageSize>): Answer {
  const foll = follOf(scene)
  if ((foll & Foll.Write) !== 0 || scene.has(Flag.VmaShared)) return undefined
  if (scene.has(Flag.Writable | Flag.Exclusive)) return 'held'
  const isShared = isMappedElsewhere(scene)
  if (isShared === undefined) return 'unknown'
  if (!isShared) return 'held'
  const size = sizeTaken(scene)
  if ((foll & Foll.Pin) !== 0) {
    if (waiting.size >= MOST_WAITING) waiting.delete([...waiting.keys()][0])
    waiting.set(scene.events.seq[scene.i], size)
  }
  return {
    verdict: 'measured',
    cause: 'gup',
    size,
    reference: referenceTaken(scene),
    words: `${follWords(foll)}: ${countWords(scene)}`,
  }
}

function givenBack(scene: Scene, waiting: Map<number, PageSize>): Answer {
  const { view, events, i, oldPfn } = scene
  for (const pin of view.pinsOn(oldPfn, Math.max(1, events.pages[i]))) {
    const size = isPin(pin) && pin.isCertain ? waiting.get(pin.seq) : undefined
    if (size === undefined) continue
    waiting.delete(pin.seq)
    return heldUntilNow(scene, pin, size)
  }
  return undefined
}

function heldUntilNow(scene: Scene, pin: LivePin, size: PageSize): Answer {
  const reference = referenceOf(pin)
  const words = `${follWords(pin.foll)}: ${heldWords(reference, scene.timeNs)}`
  return { verdict: 'measured', cause: 'gup', mm: pin.mm, size, reference, words, isCounted: true }
}
