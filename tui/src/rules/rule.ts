import type { PageSize, Reference, RuleId, Verdict } from '../model/finding.js'
import type { Kind, Outcome } from '../model/kinds.js'
import type { LegName } from './legs.js'
import type { Scene } from './scene.js'

/** What a newcomer writes to add a rule: one such value in one file, and its name in the catalogue. */
export interface Rule {
  readonly id: RuleId
  readonly name: string
  /** What is to hold, in one sentence. */
  readonly statement: string
  /** Who said so, and when. */
  readonly source: string
  /** Legs without which every answer is `unknown`. Those that tell the events it looks at are not repeated here. */
  readonly needs: readonly LegName[]
  /**
   * `event`: all that accuses is in the event, as the kernel read it at one moment. `state`: what the history knows has a
   * part in it, so that near a gap every answer is `unknown`.
   */
  readonly judgesBy: 'event' | 'state'
  /** It is about references that GUP took: without any, its checks are not called. */
  readonly isAboutPins: boolean
  /** Checks with fresh state: called for each run of the agent. */
  begin(): Checks
}

/** By the kind of event that each looks at. */
export type Checks = Readonly<Partial<Record<Kind, Look>>>

/** A check with what an event must have for it to be called at all: most events are told from it without a call. */
export interface Look {
  readonly check: Check
  /** One of these outcomes; absent: whichever. */
  readonly outcomes?: readonly Outcome[]
  /** One of these bits of `Flag`; absent: none is needed. */
  readonly flags?: number
}

/** Called for an event before the history applies it. Must allocate nothing where nothing is wrong. */
export type Check = (scene: Scene) => Answer

/** `undefined`: the rule is not about this event. */
export type Answer = 'held' | 'unknown' | Broken | undefined

/** One observation of a broken rule. What is absent is that of the event. */
export interface Broken {
  readonly verdict: Exclude<Verdict, 'unknown'>
  readonly cause: string
  readonly causeTgid?: number
  /** One sentence for an expert, without names from outside. */
  readonly words: string
  readonly reference?: Reference
  /** Owner of the memory. */
  readonly mm?: number
  readonly size?: PageSize
  /** More about an observation that was counted before: its finding gets new evidence, and no count. */
  readonly isCounted?: true
}
