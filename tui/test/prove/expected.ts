import type { RuleId, Verdict } from '../../src/model/finding.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import type { Truth } from '../../src/policy/simulator/truth.js'
import { Foll, Kind } from '../../src/model/kinds.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
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

/** What else an alarm may mean that was true in another run of the very same events. */
export interface Untold {
  /** A FOLL_GET reference was given back, which no event tells. */
  readonly hasGivenBackGet: boolean
  /**
   * A page may be held by more than the history can count: by somebody in passing, or by a FOLL_GET that was taken again in the
   * same way, which it takes for the same one. The counts show one reference as well as the other.
   */
  readonly hasUncounted: boolean
}

export function untoldIn(operations: readonly Operation[], told: readonly Told[]): Untold {
  const taken = told.filter(takesGet)
  const gets = new Set(taken.map(({ aux = 0 }) => Math.floor(aux / CALL)))
  const ways = new Set(taken.map(({ mm, vpn, oldPfn, aux = 0 }) => [mm, vpn, oldPfn, aux % CALL].join()))
  return {
    hasGivenBackGet: operations.some((operation) => operation.name === 'release' && gets.has(operation.pin)),
    hasUncounted: ways.size < taken.length || operations.some(({ name }) => name === 'speculate'),
  }
}

/** The simulator numbers calls by the pins that they take. */
const CALL = 2 ** 32

function takesGet({ kind, aux = 0 }: Told): boolean {
  return kind === Kind.Gup && (aux & Foll.Get) !== 0
}

export interface Complaints {
  /** Empty where the judgement is right. */
  readonly wrong: readonly string[]
  /** Findings that are not true here, but in another run that tells the same. */
  readonly trueElsewhere: number
}

/** What is to be said against one judgement. Where several pins are lost at once, one finding may speak for all. */
export function complaints({ case: { last }, raised, isUnknown }: Judged, untold: Untold): Complaints {
  const { truths } = last
  const wrong: string[] = []
  let trueElsewhere = 0
  for (const rule of ['R05', 'R06'] as const) {
    const lost = truths.filter((truth) => ruleOf(truth) === rule)
    const said = raised.filter((one) => one.rule === rule)
    const due = lost.filter(canBeKnown)
    if (said.length === 0 && due.length > 0 && !isUnknown)
      wrong.push(`missed: ${due.map(textOf).join(' and ')}`)
    for (const { verdict, cause, kind = 'unknown' } of said) {
      if (lost.some((truth) => verdictOf(truth) === verdict && truth.pin.kind === kind)) continue
      if (kind === 'get' && isTrueElsewhere(verdict, lost, untold)) {
        trueElsewhere++
        continue
      }
      const instead = lost.length === 0 ? 'nothing happened' : lost.map(textOf).join(' and ')
      wrong.push(`${rule} ${verdict} by ${cause} of a ${kind}, but ${instead}`)
    }
  }
  return { wrong, trueElsewhere }
}

/**
 * Whether the events are also those of a run in which it is true. A reference that passes by and a FOLL_GET that was given back
 * can change places: nothing tells their ends apart. And of two FOLL_GET that were taken, nothing tells which is left.
 */
function isTrueElsewhere(
  verdict: Verdict,
  lost: readonly Truth[],
  { hasGivenBackGet, hasUncounted }: Untold,
): boolean {
  if (!hasGivenBackGet) return false
  return hasUncounted || (verdict === 'measured' && lost.some(({ pin }) => pin.kind === 'get'))
}

/** What an operation comes to; empty where nothing was lost and nothing said. */
export function comesTo({ case: { last }, raised, isUnknown }: Judged): string {
  const lost = last.truths.map((truth) => `${truth.what} ${truth.pin.kind} ${verdictOf(truth)}`)
  const said = raised.map(({ rule, verdict, kind = '' }) => `${rule} ${verdict} ${kind}`)
  if (lost.length === 0 && said.length === 0) return ''
  return `${lost.sort().join()}; ${said.sort().join()}; ${isUnknown ? 'unknown' : ''}`
}

function textOf(truth: Truth): string {
  const { pin, what } = truth
  return `${pin.write ? 'write' : 'read'}-${pin.kind} ${what} (${verdictOf(truth)})`
}
