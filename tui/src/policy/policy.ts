import type { PageSize, RuleId } from '../model/finding.js'
import type { Mechanics } from './mechanics.js'

/**
 * A policy: what one kernel does about copy-on-write and pins, as data (what it promises) and as an executable rule set
 * (`mechanics`, which the simulator and the replay run).
 */
export interface Policy {
  readonly name: PolicyName
  /** Which kernels follow it, in words. */
  readonly kernels: string
  /** In a few words each: who may write in place, what GUP does, and what that means for P1 and P2. */
  readonly reuse: string
  readonly gup: string
  readonly coherence: string
  readonly isolation: string
  /** The vanilla series that it stands for, "6.1": within one era kernels still differ. */
  readonly version: string
  /** Empty, or in one sentence why this choice is in doubt. Never holds text from outside. */
  readonly note: string
  readonly mechanics: Mechanics
  promises(rule: RuleId, size: PageSize): Standing
  promise(rule: RuleId, size: PageSize): PolicyPromise
}

/** By age. */
export const POLICY_NAMES = ['mapcount', 'force-break', 'page-count', 'anon-exclusive'] as const
export type PolicyName = (typeof POLICY_NAMES)[number]

export type Standing = 'promised' | 'not-promised' | 'not-applicable'

export interface PolicyPromise {
  readonly standing: Standing
  /** One sentence for an expert. */
  readonly why: string
  /** File, function and commit, or the thread. */
  readonly source: string
  /** What is promised holds for FOLL_PIN alone, or for whoever holds a reference. */
  readonly holder: 'pin' | 'any'
  /** Causes, in the words of findings, for which it is not promised all the same. */
  readonly except: readonly string[]
}

/** Whether a break of the rule would be a bug of this kernel: by the kind of reference and the cause of the finding. */
export function isPromised(
  promise: PolicyPromise,
  reference: 'pin' | 'get' | undefined,
  cause: string,
): boolean {
  if (promise.standing !== 'promised' || promise.except.includes(cause)) return false
  return promise.holder === 'any' || reference === 'pin'
}
