import type { Policy } from '../policy.js'
import { keyOf } from './key.js'
import type { SlotSize } from './memory.js'
import { AREA_OPERATIONS, GUP_ASKS, pagesOf, SLOT_OPERATIONS, type Operation } from './operations.js'
import { MAX_MMS, MAX_PINS, Simulator, type Step } from './simulator.js'

/** One operation in one state that no shorter sequence, and no earlier one as long, has led to. */
export interface Transition {
  /** From the beginning to this operation, and what each came to. */
  readonly path: readonly Done[]
  readonly after: Simulator
}

export interface Done {
  readonly operation: Operation
  readonly step: Step
}

interface State {
  readonly simulator: Simulator
  readonly path: readonly Done[]
}

/**
 * Every sequence of operations up to `depth`, shortest first. Sequences share their beginnings; one that leads to a state
 * which was met before is not gone on with, because everything that can follow has followed there. What tells states
 * apart is in `keyOf`.
 */
export function* transitions(
  policy: Policy,
  sizes: readonly SlotSize[],
  depth: number,
): Generator<Transition> {
  const [start] = Simulator.begin(policy, sizes)
  const met = new Set([keyOf(start.memory)])
  let states: State[] = [{ simulator: start, path: [] }]
  for (let length = 1; length <= depth; length++) {
    const next: State[] = []
    for (const { simulator, path } of states) {
      for (const operation of operationsIn(simulator, sizes)) {
        const after = simulator.branch()
        const step = after.do(operation)
        const longer = [...path, { operation, step }]
        const key = keyOf(after.memory)
        const isNew = !met.has(key)
        if (isNew || step.told.length > 0 || step.truths.length > 0) yield { path: longer, after }
        if (!isNew) continue
        met.add(key)
        if (length < depth) next.push({ simulator: after, path: longer })
      }
    }
    states = next
  }
}

/** What may be done, without what could do nothing. */
export function operationsIn(simulator: Simulator, sizes: readonly SlotSize[]): readonly Operation[] {
  const { memory } = simulator
  const found: Operation[] = memory.pins.map((pin) => ({ name: 'release', pin: pin.order }))
  if (memory.folios.some((folio) => folio && (folio.passing > 0 || folio.offLru)))
    found.push({ name: 'settle' })
  for (const mm of memory.mms.keys()) {
    if (memory.mms.length < MAX_MMS) found.push({ name: 'fork', mm })
    else found.push({ name: 'exit', mm })
    sizes.forEach((size, area) => {
      for (const name of AREA_OPERATIONS) found.push({ name, mm, area })
      for (let page = 0; page < pagesOf(size); page++) {
        for (const name of SLOT_OPERATIONS) found.push({ name, mm, area, page })
        if (memory.pins.length === MAX_PINS) continue
        for (const ask of GUP_ASKS) found.push({ name: 'gup', mm, area, page, ask })
      }
    })
  }
  return found
}
