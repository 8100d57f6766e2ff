import fc from 'fast-check'
import type { Policy } from '../../policy.js'
import type { SlotSize } from '../memory.js'
import { AREA_OPERATIONS, GUP_ASKS, SLOT_OPERATIONS, type Operation } from '../operations.js'
import { Simulator, type Step } from '../simulator.js'

/** Test support: runs at random, deeper than every run can be tried. */

const mm = fc.nat(1)
const page = fc.nat(1)

/** An operation on one of `areas` slots; pins by the order of taking, up to the sixth. */
export function operations(areas: number): fc.Arbitrary<Operation> {
  const area = fc.nat(areas - 1)
  const ask = fc.constantFrom(...GUP_ASKS, { kind: 'pin', write: false, longterm: true } as const)
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ name: fc.constantFrom(...SLOT_OPERATIONS), mm, area, page }) },
    { weight: 4, arbitrary: fc.record({ name: fc.constant('write' as const), mm, area, page }) },
    { weight: 4, arbitrary: fc.record({ name: fc.constant('gup' as const), mm, area, page, ask }) },
    { weight: 3, arbitrary: fc.record({ name: fc.constantFrom(...AREA_OPERATIONS), mm, area }) },
    { weight: 2, arbitrary: fc.record({ name: fc.constant('fork' as const), mm }) },
    { weight: 1, arbitrary: fc.record({ name: fc.constant('exit' as const), mm }) },
    { weight: 1, arbitrary: fc.record({ name: fc.constant('settle' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        name: fc.constantFrom('release', 'device-write', 'device-read'),
        pin: fc.integer({ min: 1, max: 6 }),
      }),
    },
  )
}

export function runs(areas: number, maxLength: number): fc.Arbitrary<readonly Operation[]> {
  return fc.array(operations(areas), { minLength: 1, maxLength })
}

/** The steps of a run, and the simulator after it. */
export function played(
  policy: Policy,
  sizes: readonly SlotSize[],
  run: readonly Operation[],
): { readonly simulator: Simulator; readonly steps: readonly Step[] } {
  const [simulator] = Simulator.begin(policy, sizes)
  return { simulator, steps: run.map((operation) => simulator.do(operation)) }
}
