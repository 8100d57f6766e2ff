import { createHash } from 'node:crypto'
import { Kind } from '../../src/model/kinds.js'
import type { Policy } from '../../src/policy/policy.js'
import { operationsIn } from '../../src/policy/simulator/enumerate.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { operationText, type Operation } from '../../src/policy/simulator/operations.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import { Simulator, type Step } from '../../src/policy/simulator/simulator.js'
import { Court, isLookedAt, isSaidBefore, type Case, type Judged } from './court.js'
import type { Known } from './known.js'
import { Parts, slotOf } from './part.js'
import { isOpen, openIn, QUIET, type Open } from './reach.js'

/** Every run up to a length, shortest first; a state of simulator, history and rules that was met before is not gone on from. */

/** What is searched: the slots of the first process, pages of a THP, pins at a time, operations. */
export interface Scope {
  readonly sizes: readonly SlotSize[]
  readonly hugeOrder: number
  readonly pins: number
  readonly depth: number
}

/** A run, by its last operation and the run before it. */
export interface Trail {
  readonly before: Trail | undefined
  readonly operation: Operation
}

export interface Tried extends Case {
  readonly trail: Trail
}

export interface Counts {
  /** Operations done in a state that was met for the first time. */
  transitions: number
  /** Of those the ones that came before history and rules. */
  judged: number
  /** States that were gone on from. */
  states: number
}

/** How far a search has come. */
export interface Progress {
  /** Operations of the runs that it is at. */
  readonly length: number
  /** States from which they were done, of those that there are. */
  readonly done: number
  readonly of: number
}

export interface Watch {
  /** Told of each operation that R05, R06 or memory could have had a part in. */
  readonly each: (judged: Judged<Tried>) => void
  /** Told before the operations in a state are done. */
  readonly progress?: (progress: Progress) => void
  /** With these the rules are broken: see `Court`. */
  readonly deafTo?: readonly number[]
}

/** A run that is gone on with, by those operations that are open. */
interface Frontier {
  readonly trail: Trail | undefined
  readonly open: Open | undefined
  /** The rules remember something of it. */
  readonly isRemembered: boolean
  /** See `Asked` of `reach.ts`. */
  readonly wasLinked: boolean
}

/** Searches the scope to its end. */
export function search(policy: Policy, scope: Scope, { each, progress, deafTo }: Watch): Counts {
  const { sizes, hugeOrder, pins, depth } = scope
  const [start, begin] = Simulator.begin(policy, sizes, hugeOrder)
  const court = new Court<Tried>(policy, hugeOrder, deafTo)
  const counts: Counts = { transitions: 0, judged: 0, states: 0 }
  const met = new Set<string>()
  const isMet = (name: string) => {
    const known = digest(name)
    if (met.has(known)) return true
    met.add(known)
    return false
  }
  let frontier: Frontier[] = [{ trail: undefined, open: undefined, isRemembered: false, wasLinked: false }]
  let next: Frontier[] = []
  const goOn = (trail: Trail, known: Known, left: number, from: Frontier, touched: number | undefined) => {
    const parts = new Parts(known)
    const wasLinked = from.wasLinked || parts.isLinked
    const open = openIn(parts, { left, pins, touched, wasLinked, isMet })
    if (open) next.push({ trail, open, isRemembered: !known.noted.isEmpty, wasLinked })
  }
  const judge = () => {
    for (const judged of court.judge()) each(judged)
  }
  for (let length = 1; length <= depth; length++) {
    const left = depth - length
    for (const [done, from] of frontier.entries()) {
      const { trail, open, isRemembered } = from
      progress?.({ length, done, of: frontier.length })
      const { simulator, told } = replayed(start.branch(), begin, trail)
      const hadPins = told.some(takesPin)
      const asked: Tried[] = []
      const alone: Tried[] = []
      for (const operation of operationsIn(simulator.memory, pins)) {
        if (open && !isOpen(open, simulator.memory, operation)) continue
        if (left === 0 && QUIET.has(operation.name)) continue
        const touched = slotOf(simulator.memory, operation)
        const after = simulator.branch()
        const last = after.do(operation)
        counts.transitions++
        const goesOn = left > 1 || (left === 1 && (hadPins || last.told.some(takesPin)))
        if (!goesOn && !canBeJudged(hadPins, last)) continue
        counts.judged++
        const longer = { before: trail, operation }
        const one = { trail: longer, before: told, last }
        if (goesOn)
          alone.push({
            ...one,
            look: (seen) => {
              goOn(longer, { ...seen, memory: after.memory }, left, from, touched)
            },
          })
        else if (!isRemembered && isSaidBefore(last)) asked.push(one)
        else alone.push(one)
      }
      const bring = (some: readonly Tried[], one?: Tried) => {
        if (!court.hasRoomFor(told, one?.last)) judge()
        court.bringAll(told, some, one)
      }
      if (alone.length > 0 || asked.length > 0) bring(asked, alone.at(0))
      for (const one of alone.slice(1)) bring([], one)
    }
    judge()
    counts.states += next.length
    frontier = next
    next = []
  }
  return counts
}

/** Whether a pin was ever taken, and memory or an event that the rules look at says something of it. */
function canBeJudged(hadPins: boolean, { told, truths }: Step): boolean {
  return truths.length > 0 || (hadPins && isLookedAt(told))
}

/** Without one the rules are not even asked, as `Rule.isAboutPins` says: and what they remember begins with it. */
function takesPin({ kind }: Told): boolean {
  return kind === Kind.Gup
}

function replayed(
  simulator: Simulator,
  begin: readonly Told[],
  trail: Trail | undefined,
): { readonly simulator: Simulator; readonly told: readonly Told[] } {
  const told = [...begin]
  for (const operation of operationsOf(trail)) told.push(...simulator.do(operation).told)
  return { simulator, told }
}

export function operationsOf(trail: Trail | undefined): readonly Operation[] {
  const found: Operation[] = []
  for (let at = trail; at; at = at.before) found.unshift(at.operation)
  return found
}

export function textOf(trail: Trail): string {
  return operationsOf(trail).map(operationText).join(', ')
}

/** Millions of states are kept: 16 bytes for each. */
export function digest(state: string): string {
  return createHash('md5').update(state).digest().toString('latin1')
}
