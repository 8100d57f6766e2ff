import { History } from '../../src/history/history.js'
import type { HistoryView, Judge } from '../../src/history/judge.js'
import { NO_FACTS } from '../../src/model/facts.js'
import type { Finding, FindingSink, RuleId, Verdict } from '../../src/model/finding.js'
import { Kind } from '../../src/model/kinds.js'
import type { Policy } from '../../src/policy/policy.js'
import { keyOf } from '../../src/policy/simulator/key.js'
import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Told } from '../../src/policy/simulator/rows.js'
import type { Step } from '../../src/policy/simulator/simulator.js'
import { LEGS } from '../../src/rules/legs.js'
import { Rules } from '../../src/rules/rules.js'
import { knownText, Noted } from './known.js'
import { NO_PARTS, partsOf, type Parts } from './part.js'
import { Reel } from './reel.js'

/** Runs of the simulator before the real history and the real rules: what they say of the last operation of each. */

/** One run of which the last operation is to be judged. */
export interface Case {
  /** What was told before its last operation. */
  readonly before: readonly Told[]
  readonly last: Step
  /** What it led to, where a name of that state is wanted. */
  readonly memory: Memory | undefined
  /** Only the names of its parts are wanted, with so many pins at a time. */
  readonly partsOfPins?: number
}

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
  /** R05 or R06 said of an event of the last operation that it cannot know. */
  readonly isUnknown: boolean
  /** Equal for states of simulator, history and rules from which the same can follow; empty where it was not asked for. */
  readonly state: string
  /** The same of its parts. */
  readonly parts: Parts
}

/** The rules that memory itself can refute. */
const ABOUT_MEMORY: readonly RuleId[] = ['R05', 'R06']
/** Events of runs that share one history: each run in address spaces and frames of its own. */
const MOST_EVENTS = 1 << 13
const MMS_APART = 64
const FRAMES_APART = 1 << 14

function ignore(): void {
  // What the history concludes shows in what the rules say.
}

/** One case of the docket: where it lies on the reel. */
interface Trial<C> {
  readonly case: C
  readonly number: number
  /** Sequence numbers of the events of its last operation, and of the mark behind them. */
  readonly firstSeq: number
  readonly markSeq: number
}

/** Says nothing; behind it a run is over. */
const MARK: Told = { kind: Kind.UffdMessage }

/** Judges runs in batches, in the order in which they were brought. */
export class Court<C extends Case> {
  readonly #policy: Policy
  readonly #pmdOrder: number
  readonly #deafTo: number | undefined
  readonly #reel = new Reel(MOST_EVENTS)
  #docket: Trial<C>[] = []

  /** With `deafTo` the rules are broken: they do not hear of events of that kind. */
  constructor(policy: Policy, pmdOrder: number, deafTo?: number) {
    this.#policy = policy
    this.#deafTo = deafTo
    this.#pmdOrder = pmdOrder
  }

  /** Whether there is room for the run; a court that has none is to judge first. */
  hasRoomFor({ before, last }: Case): boolean {
    return this.#reel.hasRoomFor(before.length + last.told.length + 1)
  }

  bring(one: C): void {
    this.#docket.push(this.#staged(one, this.#docket.length))
  }

  judge(): readonly Judged<C>[] {
    const trials = this.#docket
    this.#docket = []
    const { found, states } = this.#heard(trials)
    this.#reel.rewind()
    const raised = trials.map(({ firstSeq, markSeq }) => raisedIn(found, firstSeq, markSeq))
    // Of most runs there is nothing to ask: they lost nothing, or it was said.
    const silent = trials.filter((trial, i) => raised[i].length === 0 && trial.case.last.truths.length > 0)
    const doubted = this.#doubted(silent.map((trial) => trial.case))
    return trials.map((trial, i) => ({
      case: trial.case,
      raised: raised[i],
      isUnknown: doubted.has(trial.case),
      ...states[i],
    }))
  }

  #staged(one: C, number: number): Trial<C> {
    const reel = this.#reel
    const place = placeOf(number)
    reel.addAll(one.before, place)
    const firstSeq = reel.length + 1
    for (const told of one.last.told) reel.add(told, place)
    reel.add(MARK, place)
    return { case: one, number, firstSeq, markSeq: reel.length }
  }

  #heard(trials: readonly Trial<C>[]): {
    readonly found: ReadonlyMap<number, readonly Finding[]>
    readonly states: readonly Named[]
  } {
    const findings = new Map<number, Finding>()
    const rules = this.#rules({
      finding: (finding) => {
        if (ABOUT_MEMORY.includes(finding.rule)) findings.set(finding.finding, finding)
      },
      ruleCounts: ignore,
    })
    const states: Named[] = []
    let noted = new Noted()
    this.#apply({
      judge: (columns, i, view) => {
        const trial = trials[states.length]
        if (columns.seq[i] < trial.markSeq) {
          noted.note(columns, i, view)
          if (columns.kind[i] !== this.#deafTo) rules.judge(columns, i, view)
          return
        }
        states.push(stateOf(trial, view, noted))
        noted = new Noted()
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
    return { found, states }
  }

  /** Those of whose last operation the rules say that they cannot know. */
  #doubted(cases: readonly C[]): ReadonlySet<C> {
    const found = new Set<C>()
    if (cases.length === 0) return found
    const trials = cases.map((one, number) => this.#staged(one, number))
    let at = 0
    let doubts = 0
    const rules = this.#rules({
      finding: ignore,
      ruleCounts: (counts) => {
        doubts = 0
        for (const { rule, unknown } of counts) if (ABOUT_MEMORY.includes(rule)) doubts += unknown
      },
    })
    this.#apply({
      judge: (columns, i, view) => {
        const { firstSeq, markSeq } = trials[at]
        const seq = columns.seq[i]
        if (seq === markSeq) {
          at++
          return
        }
        if (seq === firstSeq) rules.finish()
        const before = doubts
        if (columns.kind[i] !== this.#deafTo) rules.judge(columns, i, view)
        if (seq < firstSeq) return
        rules.finish()
        if (doubts > before) found.add(trials[at].case)
      },
      begin: () => {
        rules.begin()
      },
    })
    this.#reel.rewind()
    return found
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
    return new Rules({ policy: this.#policy, pmdOrder: this.#pmdOrder, sink, legs, maxFindings: Infinity })
  }
}

function placeOf(number: number): { readonly mm: number; readonly pfn: number } {
  return { mm: number * MMS_APART, pfn: number * FRAMES_APART }
}

type Named = Pick<Judged, 'state' | 'parts'>

const NAMELESS: Named = { state: '', parts: NO_PARTS }

function stateOf(
  { case: { memory, partsOfPins }, number }: Trial<Case>,
  view: HistoryView,
  noted: Noted,
): Named {
  if (memory === undefined) return NAMELESS
  const known = { view, noted, place: placeOf(number), memory }
  if (partsOfPins !== undefined) return { state: '', parts: partsOf(known, partsOfPins) }
  return { state: keyOf(memory, (names) => knownText(known, names)), parts: NO_PARTS }
}

function raisedIn(
  found: ReadonlyMap<number, readonly Finding[]>,
  firstSeq: number,
  markSeq: number,
): readonly Raised[] {
  const raised = new Set<Finding>()
  for (let seq = firstSeq; seq < markSeq; seq++)
    for (const finding of found.get(seq) ?? []) raised.add(finding)
  return [...raised].map(({ rule, verdict, cause, last: { reference } }) => ({
    rule,
    verdict,
    cause,
    kind: reference?.kind,
    write: reference?.write ?? false,
  }))
}
