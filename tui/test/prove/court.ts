import { History } from '../../src/history/history.js'
import type { HistoryView, Judge } from '../../src/history/judge.js'
import type { EventColumns } from '../../src/model/events.js'
import type { FactSink } from '../../src/model/facts.js'
import type { Finding, RuleId, Verdict } from '../../src/model/finding.js'
import type { Policy } from '../../src/policy/policy.js'
import type { Done } from '../../src/policy/simulator/enumerate.js'
import { Tape, type Told } from '../../src/policy/simulator/rows.js'
import { RULES } from '../../src/rules/catalogue.js'
import { LEGS } from '../../src/rules/legs.js'
import type { Check } from '../../src/rules/rule.js'
import { Rules } from '../../src/rules/rules.js'
import { Scene } from '../../src/rules/scene.js'

/** Runs of the simulator before the real history and the real rules: what they say of the last operation of each. */

export interface Raised {
  readonly rule: RuleId
  readonly verdict: Verdict
  readonly cause: string
  readonly kind: 'pin' | 'get' | undefined
  readonly write: boolean
}

export interface Judged {
  readonly path: readonly Done[]
  /** Findings of R05 and R06 whose evidence is an event of the last operation. */
  readonly raised: readonly Raised[]
  /** R05 or R06 said of an event of the last operation that it cannot know. */
  readonly isUnknown: boolean
}

/** The rules that memory itself can refute. */
const ABOUT_MEMORY: readonly RuleId[] = ['R05', 'R06']
/** Runs that share one history: each in address spaces and frames of its own. */
const DOCKET = 2000
const MMS_APART = 32
const FRAMES_APART = 1 << 14

const NO_FACTS: FactSink = {
  mm: ignore,
  mmEnded: ignore,
  process: ignore,
  fork: ignore,
  gap: ignore,
  frameSeen: ignore,
  frameFreed: ignore,
  slotMapped: ignore,
  slotEnded: ignore,
  edge: ignore,
  rate: ignore,
  pinTaken: ignore,
  pinEnded: ignore,
  anomaly: ignore,
}

function ignore(): void {
  // What the history concludes shows in what the rules say.
}

interface Trial {
  readonly path: readonly Done[]
  /** Numbers of the events of its last operation: [from, until). */
  readonly from: number
  readonly until: number
}

/** Judges runs in batches, in the order in which they were brought. */
export class Court {
  readonly #policy: Policy
  readonly #begin: readonly Told[]
  #tape = new Tape()
  #trials: Trial[] = []

  /** `begin`: what every run begins with. */
  constructor(policy: Policy, begin: readonly Told[]) {
    this.#policy = policy
    this.#begin = begin
  }

  get isFull(): boolean {
    return this.#trials.length >= DOCKET
  }

  bring(path: readonly Done[]): void {
    const number = this.#trials.length
    const place = { mm: number * MMS_APART, pfn: number * FRAMES_APART }
    for (const told of this.#begin) this.#tape.add(told, place)
    let from = this.#tape.nextSeq
    for (const { step } of path) {
      from = this.#tape.nextSeq
      for (const told of step.told) this.#tape.add(told, place)
    }
    this.#trials.push({ path, from, until: this.#tape.nextSeq })
  }

  judge(): readonly Judged[] {
    const events = this.#tape.take()
    const trials = this.#trials
    this.#tape = new Tape()
    this.#trials = []
    const { findings, unknown } = judged(this.#policy, events)
    return trials.map((trial) => ({
      path: trial.path,
      raised: findings.filter((finding) => isIn(trial, finding)).map(raisedBy),
      isUnknown: unknown.some((seq) => trial.from <= seq && seq < trial.until),
    }))
  }
}

function judged(
  policy: Policy,
  events: EventColumns,
): { findings: readonly Finding[]; unknown: readonly number[] } {
  const findings = new Map<number, Finding>()
  const sink = {
    finding: (finding: Finding) => {
      if (ABOUT_MEMORY.includes(finding.rule)) findings.set(finding.finding, finding)
    },
    ruleCounts: ignore,
  }
  const legs = LEGS.map((name) => ({ name, attached: true }))
  const rules = new Rules({ policy, sink, legs, maxFindings: Infinity })
  const doubts = new Doubts(policy)
  const judge: Judge = {
    judge: (columns, i, view) => {
      rules.judge(columns, i, view)
      doubts.judge(columns, i, view)
    },
    begin: () => {
      rules.begin()
    },
  }
  const history = new History(NO_FACTS, { judge, maxSlots: 1 << 18 })
  history.begin(1, 1)
  history.apply({ firstSeq: 1, lastSeq: events.length, processes: [], events })
  history.finish()
  rules.finish()
  return { findings: [...findings.values()], unknown: doubts.seqs }
}

/** Where R05 and R06 say that they cannot know: the rules count that, and tell nobody. */
class Doubts {
  readonly seqs: number[] = []
  readonly #scene: Scene
  readonly #checks: ReadonlyMap<number, readonly Check[]>

  constructor(policy: Policy) {
    this.#scene = new Scene(policy)
    const checks = new Map<number, Check[]>()
    for (const rule of RULES) {
      if (!ABOUT_MEMORY.includes(rule.id)) continue
      for (const [kind, check] of Object.entries(rule.begin())) {
        checks.set(Number(kind), [...(checks.get(Number(kind)) ?? []), check])
      }
    }
    this.#checks = checks
  }

  judge(events: EventColumns, i: number, view: HistoryView): void {
    if (!view.hasPins) return
    this.#scene.at(events, i, view)
    for (const check of this.#checks.get(events.kind[i]) ?? []) {
      if (check(this.#scene) === 'unknown') this.seqs.push(events.seq[i])
    }
  }
}

function isIn({ from, until }: Trial, { first, last }: Finding): boolean {
  return [first.seq, last.seq].some((seq) => from <= seq && seq < until)
}

function raisedBy({ rule, verdict, cause, last: { reference } }: Finding): Raised {
  return { rule, verdict, cause, kind: reference?.kind, write: reference?.write ?? false }
}
