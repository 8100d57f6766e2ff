import { describe, expect, test } from 'vitest'
import { Kind } from '../../src/model/kinds.js'
import { POLICIES } from '../../src/policy/policies.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import type { Judged } from './court.js'
import { PINS, runsOf, stepped, type Next } from './every-run.js'
import { complaints, untoldIn, verdictOf } from './expected.js'
import { runOf } from './runs-as-text.js'
import { operationsOf, search } from './search.js'

/** What allows the search to do only some of the last operations: here all are done, and nothing is left out. */

const DEEPER = Number(process.env.COWPATH_PROVE_DEEPER ?? 0)
const SIZES: readonly SlotSize[] = ['base', 'thp']
/** Operations of a run, its last one among them. */
const LENGTH = 3 + DEEPER

/** What an operation comes to; empty where nothing was lost and nothing said. */
function comesTo({ case: { last }, raised, isUnknown }: Judged): string {
  const lost = last.truths.map((truth) => `${truth.what} ${truth.pin.kind} ${verdictOf(truth)}`)
  const said = raised.map(({ rule, verdict, kind = '' }) => `${rule} ${verdict} ${kind}`)
  if (lost.length === 0 && said.length === 0) return ''
  return `${lost.sort().join()}; ${said.sort().join()}; ${isUnknown ? 'unknown' : ''}`
}

/** The slot that the operation is about; undefined: an address space, or everything. */
function slotOf(operation: Operation): number | undefined {
  return 'area' in operation ? operation.area : undefined
}

describe.each(POLICIES)('under $name', (policy) => {
  test('a part of a state says all that the last operation on it comes to', () => {
    const known = new Map<string, { readonly text: string; readonly all: string }>()
    let repeated = 0
    const compare = (part: string, text: string, all: string) => {
      if (part === '') {
        if (all !== '') expect.fail(`nothing was held there after ${text}: ${all}`)
        return
      }
      const before = known.get(part)
      if (before === undefined) known.set(part, { text, all })
      else {
        repeated++
        if (before.all !== all) expect.fail(`not the same follows: ${before.text}; and: ${text}`)
      }
    }
    const compareAll = (lasts: readonly Judged<Next>[]) => {
      const { parts, text } = lasts[0].case.from
      for (const [slot, part] of [...parts.slots.entries(), [undefined, parts.whole] as const]) {
        const follows = lasts.filter((one) => slotOf(one.case.operation) === slot).map(comesTo)
        // What is lost by an operation on all is told of no slot.
        compare(slot === undefined ? part && `all ${part}` : part, text, follows.sort().join('\n').trim())
      }
    }
    for (let length = 1; length < LENGTH; length++) {
      let lasts: Judged<Next>[] = []
      for (const judged of stepped(policy, runsOf(policy, SIZES, length, 'parts'), 'none')) {
        if (lasts.length > 0 && lasts[0].case.from !== judged.case.from) {
          compareAll(lasts)
          lasts = []
        }
        lasts.push(judged)
      }
      compareAll(lasts)
    }
    expect(repeated).toBeGreaterThan(0)
  })

  test('rules that do not hear of write faults are caught at all at which they would be caught in any run', () => {
    const deafTo = Kind.WpFault
    const found = new Set<string>()
    const all = new Set<string>()
    const enter = (wrong: Set<string>, judged: Judged, run: readonly Operation[]) => {
      if (comesTo(judged) === '') return
      const untold = untoldIn(run, judged.case.before)
      for (const what of complaints(judged, untold).wrong) wrong.add(`${run.at(-1)?.name ?? ''}: ${what}`)
    }
    search(
      policy,
      { sizes: SIZES, hugeOrder: 1, pins: PINS, depth: LENGTH },
      (judged) => {
        enter(found, judged, operationsOf(judged.case.trail))
      },
      deafTo,
    )
    for (let length = 0; length < LENGTH; length++)
      for (const judged of stepped(policy, runsOf(policy, SIZES, length, 'none'), 'none', deafTo))
        enter(all, judged, runOf(judged.case.text))
    expect(all.size).toBeGreaterThan(2)
    expect([...found].sort()).toEqual([...all].sort())
  })
})
