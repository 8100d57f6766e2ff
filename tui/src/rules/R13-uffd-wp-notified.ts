import { Flag, Kind, Outcome, UffdReason } from '../model/kinds.js'
import type { Answer, Checks, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'
import { SlotMap } from './slot-map.js'

/**
 * R13: a write fault on a userfaultfd-wp slot is handed to userfaultfd before any copy.
 *
 * Source: Torvalds / Xu, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW". The bit of the PTE is read under
 * the page-table lock where the fault begins.
 */
export const uffdWpNotified: Rule = {
  id: 'R13',
  name: 'uffd-wp-notified',
  statement: 'A write fault on a userfaultfd-wp slot is handed to userfaultfd before any copy.',
  source: 'Torvalds / Xu, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW"',
  needs: ['uffd'],
  judgesBy: 'state',
  isAboutPins: false,
  begin,
}

/** Slots whose last message is remembered. */
const MOST_MESSAGES = 16_384
const PROTECTED = Flag.UffdWp | Flag.VmaUffdWp

function begin(): Checks {
  /** When a message about the slot was last queued. */
  const messages = new SlotMap<number>(MOST_MESSAGES)
  const fault: Look = {
    outcomes: [Outcome.Uffd, Outcome.Copy, Outcome.Reuse],
    flags: Flag.UffdWp,
    check: (scene) => faulted(scene, messages),
  }
  return {
    [Kind.WpFault]: fault,
    [Kind.HugetlbWp]: fault,
    [Kind.UffdMessage]: {
      check: (scene) => {
        if (scene.aux === UffdReason.Wp) messages.set(scene.mm, scene.vpn, scene.timeNs)
        return undefined
      },
    },
  }
}

function faulted(scene: Scene, messages: SlotMap<number>): Answer {
  if ((scene.flags & PROTECTED) !== PROTECTED || !scene.has(Flag.Write)) return undefined
  if (scene.has(Flag.Unshare | Flag.UffdWpAsync)) return undefined
  const { outcome, mm, vpn } = scene
  if (outcome === Outcome.Uffd) return 'held'
  const { slot } = scene
  if (slot?.isCertain !== true) return 'unknown'
  const toldNs = messages.get(mm, vpn)
  if (toldNs !== undefined && toldNs >= slot.protectedNs) return 'held'
  const cause = outcome === Outcome.Copy ? 'copy' : 'reuse'
  return {
    verdict: scene.judged('R13', 'measured', { cause }),
    cause,
    words: `a write to a userfaultfd-wp page ended in ${cause}, and no message was queued since it was protected`,
  }
}
