import { History } from '../../src/history/history.js'
import type { HistoryView, Judge } from '../../src/history/judge.js'
import { NO_FACTS } from '../../src/model/facts.js'
import type { Finding, FindingSink, RuleCount, RuleId, Verdict } from '../../src/model/finding.js'
import { Kind, Outcome } from '../../src/model/kinds.js'
import type { Policy } from '../../src/policy/policy.js'
import type { Place, Told } from '../../src/policy/simulator/rows.js'
import type { Step } from '../../src/policy/simulator/simulator.js'
import { RULES } from '../../src/rules/catalogue.js'
import { LEGS } from '../../src/rules/legs.js'
import { Rules } from '../../src/rules/rules.js'
import type { Known } from './known.js'
import { Noted } from './noted.js'
import { Reel } from './reel.js'

/** Runs of the simulator before the real history and the real rules: what they say of the last operation of each. */

/** What history and rules know of a run. */
export type Seen = Omit<Known, 'memory'>

/** One run of which the last operation is to be judged. */
export interface Case {
  /** What was told before its last operation. */
  readonly before: readonly Told[]
  readonly last: Step
}

export interface Looking<C> extends Case {
  /**
   * Called with what is known of what the run led to, which is valid within the call. Answers with runs of one operation more that are
   * to be asked where this one ended: such that tell nothing, or such that `isSaidBefore`, and the rules remember nothing of this one.
   */
  readonly look?: (known: Seen) => readonly C[]
  /**
   * Runs of the same beginning of which the rules remember nothing, whose last operations tell the same as this one's before their
   * `decisiveEvent`, and such that `isSaidAtLast`, as this one: they are asked where this run has come to its own.
   */
  readonly beside?: readonly C[]
}

/** After which nothing is asked. */
type Plain = Looking<never>

export interface Raised {
  readonly rule: RuleId
  readonly verdict: Verdict
  readonly cause: string
  readonly kind: 'pin' | 'get' | undefined
  readonly write: boolean
}

export interface Judged<C extends Case = Case> {
  readonly case: C
  /** Findings of R05 and R06 whose evidence is an event of the last operation. */
  readonly raised: readonly Raised[]
  /** R05 or R06 said of an event of the last operation that it cannot know, and neither said more. */
  readonly isUnknown: boolean
}

/** The rules that memory itself can refute. */
const ABOUT_MEMORY: readonly RuleId[] = ['R05', 'R06']
/** Kinds of events that they look at. */
const LOOKED_AT: ReadonlySet<number> = new Set(
  RULES.filter(({ id }) => ABOUT_MEMORY.includes(id)).flatMap((rule) =>
    Object.keys(rule.begin()).map(Number),
  ),
)
/** Events of runs that share one history: each run in address spaces and frames of its own. */
const MOST_EVENTS = 1 << 10
/** More than one operation tells. */
const MOST_AT_ONCE = 1 << 6
/** Room for long runs, and for THPs of any order. */
const APART: Apart = { mms: 64, frames: 1 << 14 }

const NONE: readonly never[] = []

/** Whether R05 or R06 may say something of an operation that told this. When a page goes out to swap they take note, and say nothing. */
export function isLookedAt(told: readonly Told[]): boolean {
  return told.some(({ kind = 0 }) => LOOKED_AT.has(kind) && kind !== Kind.SwapOut)
}

/**
 * Whether what the rules say of the operation is said before the history has applied any of it: they are asked before, and look at
 * its first event alone, or at none. Runs that differ in such a last operation need no history each, as long as the rules
 * remember nothing (`Noted.isEmpty`) that one would take from the other.
 */
export function isSaidBefore({ told }: Step): boolean {
  return told.every(({ kind = 0 }, i) => !LOOKED_AT.has(kind) || (i === 0 && kind !== Kind.SwapOut))
}

/** Index of the last event of the operation that they look at, -1: of none. What comes later changes nothing that they say of it. */
export function decisiveEvent({ told }: Step): number {
  return told.findLastIndex(({ kind = 0 }) => LOOKED_AT.has(kind))
}

/**
 * Whether what the rules say of the operation is said before the history has applied its decisive event, and they remember nothing of
 * it: then runs that tell the same before that event need no history each (`Looking.beside`). What the split of a PMD told they
 * remember, until a fault on a page has copied it.
 */
export function isSaidAtLast(step: Step): boolean {
  const { told } = step
  const decisive = decisiveEvent(step)
  if (decisive < 0 || told[decisive].kind === Kind.SwapOut) return false
  const noted = told.slice(0, decisive).filter(({ kind = 0 }) => LOOKED_AT.has(kind))
  if (noted.length === 0) return true
  const { kind, outcome } = told[decisive]
  const isSplit = noted.every((one) => one.kind === Kind.HugeWp && one.outcome === Outcome.Fallback)
  return isSplit && kind === Kind.WpFault && (outcome === Outcome.Copy || outcome === Outcome.Unshare)
}

/** A run of the docket: where it lies on the reel. */
interface Trial<C> {
  readonly number: number
  readonly case: C
  /** Sequence numbers of the first event of its last operation, of the decisive one, and of the mark behind them. */
  readonly firstSeq: number
  readonly decisiveSeq: number
  readonly markSeq: number
}

/** What the rules said of the runs of a docket. */
interface Heard<C> {
  /** By the sequence numbers of their evidence. */
  readonly found: ReadonlyMap<number, readonly Finding[]>
  /** Of those that lost something: the ones of whose last operation they say that they cannot know. */
  readonly doubted: ReadonlySet<Trial<C>>
}

/** How many numbers of address spaces and frames each run has for itself. */
export interface Apart {
  readonly mms: number
  readonly frames: number
}

/** Says nothing; behind it a run is over. */
const MARK: Told = { kind: Kind.UffdMessage }

/** Judges runs in batches. */
export class Court<C extends Looking<C> = Plain> {
  readonly #policy: Policy
  readonly #pmdOrder: number
  readonly #deafTo: readonly number[]
  readonly #apart: Apart
  readonly #reel = new Reel(MOST_EVENTS)
  readonly #askedReel = new Reel(MOST_AT_ONCE)
  /** Rules of which nothing is remembered from one question to the next, and what they said. */
  readonly #asking: Rules
  readonly #found: Finding[] = []
  #doubts = 0
  #docket: Trial<C>[] = []

  /** With `deafTo` the rules are broken: they do not hear of events of those kinds. */
  constructor(policy: Policy, pmdOrder: number, deafTo: readonly number[] = [], apart = APART) {
    this.#policy = policy
    this.#deafTo = deafTo
    this.#apart = apart
    this.#pmdOrder = pmdOrder
    this.#asking = this.#rules({
      finding: (finding) => {
        this.#found.push(finding)
      },
      ruleCounts: (counts) => {
        this.#doubts = doubtsIn(counts)
      },
    })
  }

  /** Whether there is room for the run; a court that has none is to judge first. */
  hasRoomFor({ before, last }: C): boolean {
    return this.#reel.hasRoomFor(before.length + last.told.length + 1)
  }

  bring(one: C): void {
    if (!this.hasRoomFor(one)) throw new Error('the court is full: events would be lost; judge first')
    this.#docket.push(this.#staged(one, this.#docket.length))
  }

  /** Of each run that was brought, and of those that were asked. */
  judge(): readonly Judged<C>[] {
    const trials = this.#docket
    this.#docket = []
    const answers: Judged<C>[] = []
    const { found, doubted } = this.#heard(trials, answers)
    this.#reel.rewind()
    const judged = trials.map((trial) => {
      const raised = raisedIn(found, trial)
      return { case: trial.case, raised, isUnknown: raised.length === 0 && doubted.has(trial) }
    })
    return [...answers, ...judged]
  }

  #staged(one: C, number: number): Trial<C> {
    const reel = this.#reel
    const place = this.#placeOf(number)
    reel.addAll(one.before, place)
    const firstSeq = reel.length + 1
    for (const told of one.last.told) reel.add(told, place)
    reel.add(MARK, place)
    return {
      number,
      case: one,
      firstSeq,
      decisiveSeq: firstSeq + decisiveEvent(one.last),
      markSeq: reel.length,
    }
  }

  #heard(trials: readonly Trial<C>[], answers: Judged<C>[]): Heard<C> {
    const findings = new Map<number, Finding>()
    let doubts = 0
    const rules = this.#rules({
      finding: (finding) => {
        findings.set(finding.finding, finding)
      },
      ruleCounts: (counts) => {
        doubts = doubtsIn(counts)
      },
    })
    let at = 0
    let noted = new Noted()
    let doubtsBefore = 0
    const doubted = new Set<Trial<C>>()
    this.#apply({
      judge: (columns, i, view) => {
        const trial = trials[at]
        const seq = columns.seq[i]
        // Of most runs there is nothing to ask: they lost nothing.
        const mayBeDoubted = trial.case.last.truths.length > 0
        if (mayBeDoubted && seq === trial.firstSeq) {
          rules.finish()
          doubtsBefore = doubts
        }
        if (seq === trial.markSeq) {
          if (mayBeDoubted) rules.finish()
          if (mayBeDoubted && doubts > doubtsBefore) doubted.add(trial)
          const place = this.#placeOf(trial.number)
          for (const one of trial.case.look?.({ view, noted, place }) ?? [])
            answers.push(this.#asked(one, seq + 1, place, view))
          at++
          noted = new Noted()
        } else {
          const { beside = NONE } = trial.case
          if (beside.length > 0 && seq === trial.decisiveSeq)
            for (const one of beside) answers.push(this.#asked(one, seq, this.#placeOf(trial.number), view))
          noted.note(columns, i, view)
          if (!this.#deafTo.includes(columns.kind[i])) rules.judge(columns, i, view)
        }
      },
      begin: () => {
        rules.begin()
      },
    })
    rules.finish()
    const found = new Map<number, Finding[]>()
    for (const finding of findings.values())
      for (const seq of new Set([finding.first.seq, finding.last.seq]))
        found.set(seq, [...(found.get(seq) ?? []), finding])
    return { found, doubted }
  }

  #asked(one: C, seq: number, place: Place, view: HistoryView): Judged<C> {
    const { told } = one.last
    const before = this.#doubts
    const decisive = decisiveEvent(one.last)
    if (decisive >= 0 && isLookedAt(told)) {
      const reel = this.#askedReel
      reel.rewind(seq - decisive)
      for (let i = 0; i <= decisive; i++) {
        reel.add(told[i], place)
        const { kind = 0 } = told[i]
        if (LOOKED_AT.has(kind) && !this.#deafTo.includes(kind)) this.#asking.judge(reel.events, i, view)
      }
      this.#asking.finish()
    }
    const raised = this.#found.splice(0).map(raisedBy)
    return { case: one, raised, isUnknown: raised.length === 0 && this.#doubts > before }
  }

  #placeOf(number: number): Place {
    const { mms, frames } = this.#apart
    return { mm: number * mms, pfn: number * frames }
  }

  #apply(judge: Judge): void {
    const { events } = this.#reel
    const history = new History(NO_FACTS, { judge, maxSlots: 1 << 18 })
    history.begin(1, 1, this.#pmdOrder)
    history.apply({ firstSeq: 1, lastSeq: events.length, processes: [], events })
    history.finish()
  }

  #rules(sink: FindingSink): Rules {
    const legs = LEGS.map((name) => ({ name, attached: true }))
    const only = ABOUT_MEMORY
    return new Rules({
      policy: this.#policy,
      pmdOrder: this.#pmdOrder,
      sink,
      legs,
      only,
      maxFindings: Infinity,
    })
  }
}

function doubtsIn(counts: readonly RuleCount[]): number {
  return counts.reduce((sum, { unknown }) => sum + unknown, 0)
}

function raisedIn<C>(
  found: ReadonlyMap<number, readonly Finding[]>,
  { firstSeq, markSeq }: Trial<C>,
): readonly Raised[] {
  const raised = new Set<Finding>()
  for (let seq = firstSeq; seq < markSeq; seq++)
    for (const finding of found.get(seq) ?? []) raised.add(finding)
  return [...raised].map(raisedBy)
}

function raisedBy({ rule, verdict, cause, last: { reference } }: Finding): Raised {
  return { rule, verdict, cause, kind: reference?.kind, write: reference?.write ?? false }
}
