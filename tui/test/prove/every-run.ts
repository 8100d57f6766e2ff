import type { Policy } from '../../src/policy/policy.js'
import { operationsIn } from '../../src/policy/simulator/enumerate.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { operationText, type Operation } from '../../src/policy/simulator/operations.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import { Simulator } from '../../src/policy/simulator/simulator.js'
import { Court, type Judged, type Looking } from './court.js'
import type { Known } from './known.js'

/** Runs of which nothing is left out: what a search that leaves some out is held against. */

/** Pins that are taken at a time. */
export const PINS = 2

/** What a state is called; called while what is known of it can be looked at. */
export type Naming<Name> = (known: Known) => Name

export const NAMELESS: Naming<undefined> = () => undefined

export interface Run<Name> {
  readonly simulator: Simulator
  readonly told: readonly Told[]
  readonly text: string
  /** That of the state that it led to; undefined before its first operation. */
  readonly name: Name | undefined
}

export interface Next<Name> extends Looking<Next<Name>> {
  readonly from: Run<Name>
  readonly operation: Operation
  readonly simulator: Simulator
  readonly text: string
  /** Once it is judged. */
  name?: Name
}

/** Every next operation in every state of `runs`, judged; of kinds of events to which `deafTo` makes them the rules do not hear. */
export function* stepped<Name>(
  policy: Policy,
  runs: Iterable<Run<Name>>,
  naming: Naming<Name>,
  deafTo?: readonly number[],
): Generator<Judged<Next<Name>>> {
  const court = new Court<Next<Name>>(policy, 1, deafTo)
  for (const from of runs) {
    for (const operation of operationsIn(from.simulator.memory, PINS)) {
      const simulator = from.simulator.branch()
      const last = simulator.do(operation)
      const text = from.text === '' ? operationText(operation) : `${from.text}, ${operationText(operation)}`
      const next: Next<Name> = {
        before: from.told,
        last,
        from,
        operation,
        simulator,
        text,
        look: (seen) => {
          next.name = naming({ ...seen, memory: simulator.memory })
          return []
        },
      }
      if (!court.hasRoomFor(next)) yield* court.judge()
      court.bring(next)
    }
  }
  yield* court.judge()
}

/** Every run of so many operations, and no run left out. */
export function runsOf<Name>(
  policy: Policy,
  sizes: readonly SlotSize[],
  length: number,
  naming: Naming<Name>,
): Iterable<Run<Name>> {
  const [simulator, told] = Simulator.begin(policy, sizes, 1)
  let runs: Iterable<Run<Name>> = [{ simulator, told, text: '', name: undefined }]
  for (let i = 0; i < length; i++) runs = extended(policy, runs, naming)
  return runs
}

function* extended<Name>(
  policy: Policy,
  runs: Iterable<Run<Name>>,
  naming: Naming<Name>,
): Generator<Run<Name>> {
  for (const { case: next } of stepped(policy, runs, naming)) {
    const { simulator, before, last, text, name } = next
    yield { simulator, told: [...before, ...last.told], text, name }
  }
}

/** All that followed on each run, one run after the other. */
export function* byRun<Name>(
  followed: Iterable<Judged<Next<Name>>>,
): Generator<readonly [from: Run<Name>, lasts: readonly Judged<Next<Name>>[]]> {
  let lasts: Judged<Next<Name>>[] = []
  for (const judged of followed) {
    if (lasts.length > 0 && lasts[0].case.from !== judged.case.from) {
      yield [lasts[0].case.from, lasts]
      lasts = []
    }
    lasts.push(judged)
  }
  if (lasts.length > 0) yield [lasts[0].case.from, lasts]
}
