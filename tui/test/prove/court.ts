import { History } from '../../src/history/history.js'
import type { Judge } from '../../src/history/judge.js'
import type { EventColumns } from '../../src/model/events.js'
import type { FactSink } from '../../src/model/facts.js'
import type { Finding, FindingSink, RuleId, Verdict } from '../../src/model/finding.js'
import type { Policy } from '../../src/policy/policy.js'
import type { Done } from '../../src/policy/simulator/enumerate.js'
import { Tape, type Told } from '../../src/policy/simulator/rows.js'
import { LEGS } from '../../src/rules/legs.js'
import { Rules } from '../../src/rules/rules.js'

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
    const asked = new Uint8Array(events.length + 1)
    for (const { from, until } of trials) asked.fill(1, from, until)
    const { findings, unknown } = judged(this.#policy, events, asked)
    const at = new Map<number, Finding[]>()
    for (const finding of findings) {
      for (const seq of new Set([finding.first.seq, finding.last.seq]))
        at.set(seq, [...(at.get(seq) ?? []), finding])
    }
    const doubted = new Set(unknown)
    return trials.map(({ path, from, until }) => {
      const seqs = Array.from({ length: until - from }, (_, i) => from + i)
      return {
        path,
        raised: [...new Set(seqs.flatMap((seq) => at.get(seq) ?? []))].map(raisedBy),
        isUnknown: seqs.some((seq) => doubted.has(seq)),
      }
    })
  }
}

interface Said {
  readonly findings: readonly Finding[]
  /** Of the events that were asked about: numbers of those of which R05 or R06 could not know. */
  readonly unknown: readonly number[]
}

/** `asked`: by number, whether it matters what is said of the event. */
function judged(policy: Policy, events: EventColumns, asked: Uint8Array): Said {
  const findings = new Map<number, Finding>()
  const unknown: number[] = []
  let doubts = 0
  const sink: FindingSink = {
    finding: (finding) => {
      if (ABOUT_MEMORY.includes(finding.rule)) findings.set(finding.finding, finding)
    },
    ruleCounts: (counts) => {
      doubts = 0
      for (const count of counts) if (ABOUT_MEMORY.includes(count.rule)) doubts += count.unknown
    },
  }
  const legs = LEGS.map((name) => ({ name, attached: true }))
  const rules = new Rules({ policy, sink, legs, maxFindings: Infinity })
  const judge: Judge = {
    judge: (columns, i, view) => {
      if (asked[columns.seq[i]] === 0) {
        rules.judge(columns, i, view)
        return
      }
      rules.finish()
      const before = doubts
      rules.judge(columns, i, view)
      rules.finish()
      if (doubts > before) unknown.push(columns.seq[i])
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
  return { findings: [...findings.values()], unknown }
}

function raisedBy({ rule, verdict, cause, last: { reference } }: Finding): Raised {
  return { rule, verdict, cause, kind: reference?.kind, write: reference?.write ?? false }
}
