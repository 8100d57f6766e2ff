import type { Verdict } from '../../src/model/finding.js'
import type { Truth } from '../../src/policy/simulator/truth.js'
import type { Judged, Raised } from './court.js'

/** What the rules should have said of an operation, by what memory says. */

/** The table of the model: what it means that a slot left the frame of a live reference. A simulator keeps its promises: no violation. */
function verdictOf({ what, pin, isSelfInflicted }: Truth): Verdict {
  if (what === 'leaked') return 'hazard'
  if (isSelfInflicted) return 'self-inflicted'
  return pin.kind === 'get' && !pin.write ? 'measured' : 'hazard'
}

function isAbout({ what, pin }: Truth, raised: Raised): boolean {
  return raised.rule === (what === 'leaked' ? 'R06' : 'R05') && raised.kind === pin.kind
}

/** Complaints about one judgement; empty where it is right. */
export function complaints({ path, raised, isUnknown }: Judged): readonly string[] {
  const truths = path.at(-1)?.step.truths ?? []
  const wrong: string[] = []
  for (const truth of truths) {
    const about = raised.filter((one) => isAbout(truth, one))
    if (about.length === 0 && !isUnknown)
      wrong.push(`missed: pin ${truth.pin.order} (${truth.pin.kind}) ${truth.what}`)
    if (about.length > 0 && !about.some(({ verdict }) => verdict === verdictOf(truth))) {
      wrong.push(`${about.map(({ verdict }) => verdict).join()} where ${verdictOf(truth)} is right`)
    }
  }
  for (const one of raised) {
    if (!truths.some((truth) => isAbout(truth, one)))
      wrong.push(`false alarm: ${one.rule} ${one.verdict} by ${one.cause} of a ${one.kind}`)
  }
  return wrong
}
