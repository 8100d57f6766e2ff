import type { Policy } from '../../src/policy/policy.js'
import { operationsIn } from '../../src/policy/simulator/enumerate.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { operationText, type Operation } from '../../src/policy/simulator/operations.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import { Simulator } from '../../src/policy/simulator/simulator.js'
import { Court, type Case, type Judged } from './court.js'
import { NO_PARTS, type Parts } from './part.js'

/** Runs of which nothing is left out: what a search that leaves some out is held against. */

/** Pins that are taken at a time. */
export const PINS = 2

export interface Run {
  readonly simulator: Simulator
  readonly told: readonly Told[]
  readonly text: string
  /** The name of the state that it led to. */
  readonly state: string
  readonly parts: Parts
}

export interface Next extends Case {
  readonly from: Run
  readonly operation: Operation
  readonly simulator: Simulator
  readonly text: string
}

/** Which names states are to have: their own, those of their parts, or none. */
export type Naming = 'state' | 'parts' | 'none'

/** Every next operation in every state of `runs`, judged; of a kind of event to which `deafTo` makes them the rules do not hear. */
export function* stepped(
  policy: Policy,
  runs: Iterable<Run>,
  naming: Naming,
  deafTo?: number,
): Generator<Judged<Next>> {
  const court = new Court<Next>(policy, 1, deafTo)
  for (const from of runs) {
    for (const operation of operationsIn(from.simulator.memory, PINS)) {
      const simulator = from.simulator.branch()
      const last = simulator.do(operation)
      const text = from.text === '' ? operationText(operation) : `${from.text}, ${operationText(operation)}`
      const partsOfPins = naming === 'parts' ? { partsOfPins: PINS } : {}
      const memory = naming === 'none' ? undefined : simulator.memory
      const next = { before: from.told, last, memory, ...partsOfPins, from, operation, simulator, text }
      if (!court.hasRoomFor(next)) yield* court.judge()
      court.bring(next)
    }
  }
  yield* court.judge()
}

/** Every run of so many operations, and no run left out. */
export function runsOf(
  policy: Policy,
  sizes: readonly SlotSize[],
  length: number,
  naming: Naming,
): Iterable<Run> {
  const [simulator, told] = Simulator.begin(policy, sizes, 1)
  let runs: Iterable<Run> = [{ simulator, told, text: '', state: '', parts: NO_PARTS }]
  for (let i = 0; i < length; i++) runs = extended(policy, runs, naming)
  return runs
}

function* extended(policy: Policy, runs: Iterable<Run>, naming: Naming): Generator<Run> {
  for (const { case: next, state, parts } of stepped(policy, runs, naming)) {
    const { simulator, before, last, text } = next
    yield { simulator, told: [...before, ...last.told], text, state, parts }
  }
}
