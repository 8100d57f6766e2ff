import { Flag, Foll, Kind, Outcome, UffdReason } from '../model/kinds.js'
import type { Answer, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { follOf } from './taken.js'

/**
 * R12: a fault that breaks COW for a reader leaves the mapping read-only, and raises no userfaultfd-wp message.
 *
 * Source: Torvalds / Xu, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW". Where COW was broken for readers by
 * a pretended write (5.8), such a fault comes from a GUP call that did not ask for writing.
 */
export const unshareIsNotWrite: Rule = {
  id: 'R12',
  name: 'unshare-is-not-write',
  statement:
    'A fault that breaks COW for a reader leaves the mapping read-only and raises no userfaultfd-wp message.',
  source: 'Torvalds / Xu, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW"',
  needs: [],
  judgesBy: 'event',
  isAboutPins: false,
  begin: () => ({
    [Kind.WpFault]: FAULT,
    [Kind.HugeWp]: FAULT,
    [Kind.HugetlbWp]: FAULT,
    [Kind.UffdMessage]: { flags: Flag.Unshare, check: message },
  }),
}

const FAULT: Look = { flags: Flag.Unshare | Flag.InGup, check: fault }
const CALLS = Foll.Get | Foll.Pin

function fault(scene: Scene): Answer {
  if (!isForReader(scene)) return undefined
  switch (scene.outcome) {
    case Outcome.Unshare:
    case Outcome.UnshareNoop:
      return 'held'
    case Outcome.Reuse:
      // Without a lock at its end: another thread may have written meanwhile.
      if (scene.events.kind[scene.i] === Kind.HugeWp) return 'unknown'
      return broken(scene, 'reuse', 'the page was made writable for a reader')
    case Outcome.Uffd:
      return broken(scene, 'uffd-wp', 'a read was handed to userfaultfd as a write')
    default:
      return undefined
  }
}

function message(scene: Scene): Answer {
  if (scene.aux !== UffdReason.Wp) return undefined
  return broken(scene, 'uffd-wp', 'a userfaultfd-wp message was queued for a reader')
}

function isForReader(scene: Scene): boolean {
  if (scene.has(Flag.VmaShared)) return false
  if (scene.has(Flag.Unshare)) return true
  if (!scene.has(Flag.Write)) return false
  const foll = follOf(scene)
  return (foll & CALLS) !== 0 && (foll & Foll.Write) === 0
}

function broken(scene: Scene, cause: string, words: string): Answer {
  return { verdict: scene.judged('R12', 'measured', { cause }), cause, words }
}
