import type { RuleId, Verdict } from '../../src/model/finding.js'
import type { Truth } from '../../src/policy/simulator/truth.js'
import type { Judged } from './court.js'

/** What the rules should have said of an operation, by what memory says. */

/** The table of the model: what it means that a slot left the frame of a live reference. A simulator keeps its promises: no violation. */
export function verdictOf({ what, pin, isSelfInflicted }: Truth): Verdict {
  if (what === 'leaked') return 'hazard'
  if (isSelfInflicted) return 'self-inflicted'
  return pin.kind === 'get' && !pin.write ? 'measured' : 'hazard'
}

function ruleOf({ what }: Truth): RuleId {
  return what === 'leaked' ? 'R06' : 'R05'
}

/**
 * What the rules are not asked to know when a process drops a pin itself: whether a FOLL_GET reference was live, as ranges come
 * without counts; and what a slot that was swapped out had held (before 5.10, where pinned pages are swapped).
 */
export function canBeKnown({ isSelfInflicted, pin, wasSwapped }: Truth): boolean {
  return !isSelfInflicted || (pin.kind === 'pin' && !wasSwapped)
}

/** Complaints about one judgement; empty where it is right. Where several pins are lost at once, one finding may speak for all. */
export function complaints({ case: { last }, raised, isUnknown }: Judged): readonly string[] {
  const { truths } = last
  const wrong: string[] = []
  for (const rule of ['R05', 'R06'] as const) {
    const lost = truths.filter((truth) => ruleOf(truth) === rule)
    const said = raised.filter((one) => one.rule === rule)
    const due = lost.filter(canBeKnown)
    if (said.length === 0 && due.length > 0 && !isUnknown)
      wrong.push(`missed: ${due.map(textOf).join(' and ')}`)
    for (const { verdict, cause, kind = 'unknown' } of said) {
      if (!lost.some((truth) => verdictOf(truth) === verdict && truth.pin.kind === kind)) {
        const instead = lost.length === 0 ? 'nothing happened' : lost.map(textOf).join(' and ')
        wrong.push(`${rule} ${verdict} by ${cause} of a ${kind}, but ${instead}`)
      }
    }
  }
  return wrong
}

function textOf(truth: Truth): string {
  const { pin, what } = truth
  return `${pin.write ? 'write' : 'read'}-${pin.kind} ${what} (${verdictOf(truth)})`
}
