import { describe, expect, test } from 'vitest'
import { Kind } from '../../src/model/kinds.js'
import { POLICIES } from '../../src/policy/policies.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { operationText, type Operation } from '../../src/policy/simulator/operations.js'
import { operationsIn } from '../../src/policy/simulator/enumerate.js'
import type { Judged } from './court.js'
import { byRun, NAMELESS, PINS, runsOf, stepped, type Naming, type Next } from './every-run.js'
import { comesTo, complaints, untoldIn } from './expected.js'
import { Parts, slotOf } from './part.js'
import { isIdle, Views } from './last.js'
import { runOf } from './runs-as-text.js'
import { search } from './search.js'
import { operationsOf, textOf } from './trail.js'

/** What allows the search to leave out operations: here all are done, and nothing is left out. */

const SIZES: readonly SlotSize[] = ['base', 'thp']
const SCOPE = { sizes: SIZES, hugeOrder: 1, pins: PINS }
/** Operations of a run, its last one among them: each more takes some forty times as long. */
const LENGTH = Number(process.env.COWPATH_PROVE_EVERY ?? 3)

interface Named {
  /** By slot. */
  readonly parts: readonly string[]
  readonly beside: readonly string[]
  readonly isHeld: readonly boolean[]
  readonly isLinked: boolean
  /** Of each operation, by its text, what it depends on as the last one. */
  readonly views: ReadonlyMap<string, string>
}

const naming: Naming<Named> = (known) => {
  const parts = new Parts(known)
  const { isHeld, isLinked } = parts
  const slots = [...SIZES.keys()]
  const views = new Views(known)
  const named = operationsIn(known.memory, PINS).map(
    (operation) => [operationText(operation), views.nameOf(operation) ?? ''] as const,
  )
  return {
    views: new Map(named),
    parts: slots.map((slot) => `${slot} ${parts.nameOf(slot)}`),
    beside: slots.map((slot) => parts.besideOf(slot, PINS)),
    isHeld,
    isLinked,
  }
}

/** Says where the same name has another meaning than before. */
class Meanings {
  readonly #known = new Map<string, { readonly text: string; readonly meaning: string }>()
  repeated = 0

  compare(name: string, text: string, follows: readonly string[]): void {
    const meaning = [...follows].sort().join('\n')
    const before = this.#known.get(name)
    if (before === undefined) {
      this.#known.set(name, { text, meaning })
      return
    }
    this.repeated++
    if (before.meaning !== meaning) expect.fail(`not the same follows: ${before.text}; and: ${text}`)
  }
}

describe.each(POLICIES)('under $name', (policy) => {
  test('a part of a state says all that follows on it, and the search meets all that any run comes to', () => {
    const follows = new Meanings()
    /** What something comes to, by the name of what says so; and each run with its own. */
    const all = new Set<string>()
    const byText = new Map<string, { readonly what: string; readonly met: string }>()
    const enter = (judged: Judged<Next<Named>>, name: Named | undefined) => {
      const what = comesTo(judged)
      if (what === '') return
      const { operation, from, text } = judged.case
      if (isIdle(policy.mechanics, from.simulator.memory, operation))
        expect.fail(`${what} of what comes to nothing: ${text}`)
      const slot = slotOf(from.simulator.memory, operation)
      if (name === undefined || slot === undefined) return
      // Of some last operations a part says more than they depend on.
      const says = name.views.get(operationText(operation)) || name.parts[slot]
      const met = `${says}: ${operation.name}: ${what}`
      all.add(met)
      byText.set(text, { what, met })
    }
    for (let length = 1; length < LENGTH; length++) {
      for (const [from, lasts] of byRun(stepped(policy, runsOf(policy, SIZES, length, naming), naming))) {
        const { name, text } = from
        const { memory } = from.simulator
        if (name === undefined) continue
        for (const judged of lasts) enter(judged, name)
        const isAbout = (slot: number | undefined) =>
          lasts.filter(({ case: { operation } }) => slotOf(memory, operation) === slot)
        for (const slot of SIZES.keys()) {
          const ours = isAbout(slot)
          const nameAfter = ({ case: next }: Judged<Next<Named>>) => next.name?.parts[slot] ?? ''
          if (!name.isHeld[slot] && ours.some((judged) => comesTo(judged) !== ''))
            expect.fail(`nothing was held there after ${text}`)
          const outcomes = ours.map(
            (judged) => `${comesTo(judged)} ${name.isLinked ? '' : nameAfter(judged)}`,
          )
          follows.compare(`${name.beside[slot]} ${name.parts[slot]}`, text, outcomes)
          if (name.isLinked) continue
          // What is done elsewhere leaves the part as it is.
          for (const other of lasts) {
            const { operation, name: after } = other.case
            if ([slot, undefined].includes(slotOf(memory, operation)) || after?.isLinked) continue
            if (nameAfter(other) !== name.parts[slot])
              expect.fail(`part ${slot} is another: ${other.case.text}`)
          }
          // What is done to all does to each part what it does where the others are not the same.
          const afterAll = isAbout(undefined).map(nameAfter)
          follows.compare(`all ${name.beside[slot]} ${name.parts[slot]}`, text, afterAll)
        }
      }
    }
    expect(follows.repeated).toBeGreaterThan(0)

    const found = new Set<string>()
    search(
      policy,
      { ...SCOPE, depth: LENGTH },
      {
        each: (judged) => {
          const text = textOf(judged.case.trail)
          const known = byText.get(text)
          if (known) found.add(known.met)
          // Those of fewer operations have no name before them.
          if (judged.case.trail.before && comesTo(judged) !== (known?.what ?? ''))
            expect.fail(`the search hears "${comesTo(judged)}", and not "${known?.what ?? ''}": ${text}`)
        },
      },
    )
    expect(all.size).toBeGreaterThan(10)
    expect([...all].filter((met) => !found.has(met))).toEqual([])
  })

  test('rules that do not hear of write faults are caught at all at which they would be caught in any run', () => {
    const deafTo = [Kind.WpFault]
    const found = new Set<string>()
    const all = new Set<string>()
    const enter = (wrong: Set<string>, judged: Judged, run: readonly Operation[]) => {
      if (comesTo(judged) === '') return
      const untold = untoldIn(run, judged.case.before)
      for (const what of complaints(judged, untold).wrong) wrong.add(`${run.at(-1)?.name ?? ''}: ${what}`)
    }
    search(
      policy,
      { ...SCOPE, depth: LENGTH },
      {
        each: (judged) => {
          enter(found, judged, operationsOf(judged.case.trail))
        },
        deafTo,
      },
    )
    for (let length = 0; length < LENGTH; length++)
      for (const judged of stepped(policy, runsOf(policy, SIZES, length, NAMELESS), NAMELESS, deafTo))
        enter(all, judged, runOf(judged.case.text))
    expect(all.size).toBeGreaterThan(2)
    expect([...found].sort()).toEqual([...all].sort())
  })
})
