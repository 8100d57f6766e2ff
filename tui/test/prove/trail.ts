import { operationText, type Operation } from '../../src/policy/simulator/operations.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import type { Simulator } from '../../src/policy/simulator/simulator.js'

/** A run, by its last operation and the run before it. */
export interface Trail {
  readonly before: Trail | undefined
  readonly operation: Operation
}

/** A run that others begin with, as it was done. */
export interface Beginning {
  readonly trail: Trail | undefined
  readonly simulator: Simulator
  readonly told: readonly Told[]
}

/** Does it in a simulator that has come to its `begin`. */
export function replayed(simulator: Simulator, begin: readonly Told[], trail: Trail | undefined): Beginning {
  const told = [...begin]
  for (const operation of operationsOf(trail)) told.push(...simulator.do(operation).told)
  return { trail, simulator, told }
}

export function operationsOf(trail: Trail | undefined): readonly Operation[] {
  const found: Operation[] = []
  for (let at = trail; at; at = at.before) found.unshift(at.operation)
  return found
}

export function textOf(trail: Trail): string {
  return operationsOf(trail).map(operationText).join(', ')
}
