import { Kind } from '../../src/model/kinds.js'
import type { Policy } from '../../src/policy/policy.js'
import { operationsIn } from '../../src/policy/simulator/enumerate.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import { Simulator, type Step } from '../../src/policy/simulator/simulator.js'
import {
  Court,
  type Apart,
  decisiveEvent,
  isLookedAt,
  isSaidAtLast,
  isSaidBefore,
  type Judged,
  type Looking,
  type Seen,
} from './court.js'
import { MOST_FOLIOS, type Known } from './known.js'
import { isIdle, isRefused, takesNothing, Views } from './last.js'
import { hasDoneNothing } from './nothing-done.js'
import { Parts, slotOf } from './part.js'
import { isOpen, openIn, type Open } from './reach.js'
import { replayed, type Beginning, type Trail } from './trail.js'

/** Every run up to a length, shortest first; a state of simulator, history and rules that was met before is not gone on from. */

/** What is searched: the slots of the first process, pages of a THP, pins at a time, operations. */
export interface Scope {
  readonly sizes: readonly SlotSize[]
  readonly hugeOrder: number
  readonly pins: number
  readonly depth: number
}

export interface Tried extends Looking<Tried> {
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
  /**
   * Told of each last operation that has a name of what it depends on (`Views`); then all are done, however often that was met, and
   * those before them that change nothing for them (`takesNothing`).
   */
  readonly everyLast?: (trail: Trail, view: string) => void
}

/** A run that is gone on with, by those operations that are open. */
interface Frontier {
  readonly trail: Trail | undefined
  readonly open: Open | undefined
  /** See `Asked` of `reach.ts`. */
  readonly wasLinked: boolean
}

/** A run that is searched, as it was done. */
interface Run {
  readonly trail: Trail
  readonly simulator: Simulator
  readonly told: readonly Told[]
}

/** Searches the scope, of two operations at least, to its end. */
export function search(policy: Policy, scope: Scope, { each, progress, deafTo, everyLast }: Watch): Counts {
  const { sizes, hugeOrder, pins, depth } = scope
  const [start, begin] = Simulator.begin(policy, sizes, hugeOrder)
  const court = new Court<Tried>(policy, hugeOrder, deafTo, apartOf(scope))
  const counts: Counts = { transitions: 0, judged: 0, states: 0 }
  const met = new Set<string>()
  const isMet = (name: string) => {
    const before = met.size
    return met.add(name).size === before
  }
  let frontier: Frontier[] = [{ trail: undefined, open: undefined, wasLinked: false }]
  let next: Frontier[] = []
  /** Last operations that need a history of their own. */
  const alone: Tried[] = []

  const goOn = (run: Run, seen: Seen, left: number, from: Frontier, touched: number | undefined) => {
    const known = { ...seen, memory: run.simulator.memory }
    const parts = new Parts(known)
    const wasLinked = from.wasLinked || parts.isLinked
    const open = openIn(parts, { left, pins, touched, wasLinked, isMet })
    if (!open) return NONE
    counts.states++
    if (left === 1) return lasts(run, known, open)
    next.push({ trail: run.trail, open, wasLinked })
    return NONE
  }
  /** Those that can be put to the rules where the run stands. */
  const lasts = ({ trail, simulator, told }: Run, known: Known, open: Open): readonly Tried[] => {
    const { memory, noted } = known
    const views = new Views(known)
    const asked: Tried[] = []
    /** By what is told before the decisive event: those that share the run of the first. */
    const shared = new Map<string, Tried[]>()
    for (const operation of operationsIn(memory, pins)) {
      if (!isOpen(open, memory, operation) || isIdle(policy.mechanics, memory, operation)) continue
      const view = views.nameOf(operation)
      if (view !== undefined && !everyLast && isMet(view)) continue
      const longer = { before: trail, operation }
      if (view !== undefined) everyLast?.(longer, view)
      const last = simulator.branch().do(operation)
      counts.transitions++
      if (!canBeJudged(last)) continue
      counts.judged++
      const one: Tried = { trail: longer, before: told, last }
      if (noted.isEmpty && isSaidBefore(last)) asked.push(one)
      else if (noted.isEmpty && isSaidAtLast(last)) {
        const sooner = JSON.stringify(last.told.slice(0, decisiveEvent(last)))
        const beside = shared.get(sooner)
        if (beside) {
          beside.push(one)
          continue
        }
        const others: Tried[] = []
        shared.set(sooner, others)
        alone.push({ ...one, beside: others })
      } else alone.push(one)
    }
    return asked
  }
  const judge = () => {
    for (const judged of court.judge()) each(judged)
    for (const one of alone.splice(0)) bring(one)
  }
  const bring = (one: Tried) => {
    // Judging brings those that need a history of their own: they may fill the court once more.
    while (!court.hasRoomFor(one)) judge()
    court.bring(one)
  }
  /** The run before its last operation: those that go on from it come one after the other. */
  let beginning: Beginning | undefined
  for (let length = 1; length < depth; length++) {
    const left = depth - length
    for (const [done, from] of frontier.entries()) {
      const { trail, open } = from
      progress?.({ length, done, of: frontier.length })
      if (!beginning || beginning.trail !== trail?.before)
        beginning = replayed(start.branch(), begin, trail?.before)
      const simulator = beginning.simulator.branch()
      const told = trail ? [...beginning.told, ...simulator.do(trail.operation).told] : begin
      const hadPins = told.some(takesPin)
      /** What tells nothing leaves history and rules as they are: all of them are looked at in one run. */
      const silent: { readonly run: Run; readonly last: Step; readonly touched: number | undefined }[] = []
      for (const operation of operationsIn(simulator.memory, pins)) {
        if ((open && !isOpen(open, simulator.memory, operation)) || isRefused(simulator.memory, operation))
          continue
        if (left === 1 && !everyLast && takesNothing(simulator.memory, operation)) continue
        const touched = slotOf(simulator.memory, operation)
        const after = simulator.branch()
        const last = after.do(operation)
        counts.transitions++
        if (hasDoneNothing(last, simulator.memory, after.memory)) continue
        const isSilent = last.told.length === 0
        // With one operation left no pin can be taken and lost.
        if (left === 1 && !hadPins && !last.told.some(takesPin)) continue
        counts.judged++
        const run = {
          trail: { before: trail, operation },
          simulator: after,
          told: isSilent ? told : [...told, ...last.told],
        }
        if (isSilent) {
          silent.push({ run, last, touched })
          continue
        }
        const look = (seen: Seen) => goOn(run, seen, left, from, touched)
        bring({ trail: run.trail, before: told, last, look })
      }
      if (silent.length === 0) continue
      const [first, ...others] = silent.map(({ run, last }) => ({ trail: run.trail, before: told, last }))
      const look = (seen: Seen) => [
        ...others,
        ...silent.flatMap(({ run, touched }) => goOn(run, seen, left, from, touched)),
      ]
      bring({ ...first, look })
    }
    judge()
    // The first brought those that need a history of their own.
    judge()
    frontier = next
    next = []
  }
  return counts
}

const NONE: readonly Tried[] = []

/**
 * Near each other, so that what the history knows of one run lies where it has just looked for another. With 16 numbers of address
 * spaces to a run, which are more than it can fork, none's task is numbered as the kernel's in another run.
 */
function apartOf({ hugeOrder }: Scope): Apart {
  return { mms: 16, frames: 2 ** Math.ceil(Math.log2(MOST_FOLIOS * 2 ** hugeOrder)) }
}

/** Whether memory or an event that the rules look at says something of a pin. */
function canBeJudged({ told, truths }: Step): boolean {
  return truths.length > 0 || isLookedAt(told)
}

/** Without one the rules are not even asked, as `Rule.isAboutPins` says: and what they remember begins with it. */
function takesPin({ kind }: Told): boolean {
  return kind === Kind.Gup
}
