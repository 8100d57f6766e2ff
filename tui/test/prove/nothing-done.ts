import { Kind, Outcome } from '../../src/model/kinds.js'
import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import type { Step } from '../../src/policy/simulator/simulator.js'

/**
 * Whether an operation has left memory as it was, not a number in it another, and told nothing, or nothing but that the kernel refused
 * it: then history and rules are as they were, too. `same-state.test.ts` holds that.
 */
export function hasDoneNothing({ told }: Step, before: Memory, after: Memory): boolean {
  return told.every(isRefusal) && isSame(before, after)
}

function isRefusal({ kind, outcome }: Told): boolean {
  return kind === Kind.FolioSplit && outcome === Outcome.Failed
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (!isObject(a) || !isObject(b)) return false
  for (const name in a) if (!isSame(a[name], b[name])) return false
  return Object.keys(a).length === Object.keys(b).length
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
