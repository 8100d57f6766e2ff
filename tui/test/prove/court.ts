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
const DOCKET = 400
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

/** Judges runs in batches, in the order in which they were brought. */
export class Court {
  readonly #policy: Policy
  readonly #begin: readonly Told[]
  #docket: (readonly Done[])[] = []

  /** `begin`: what every run begins with. */
  constructor(policy: Policy, begin: readonly Told[]) {
    this.#policy = policy
    this.#begin = begin
  }

  get isFull(): boolean {
    return this.#docket.length >= DOCKET
  }

  bring(path: readonly Done[]): void {
    this.#docket.push(path)
  }

  judge(): readonly Judged[] {
    const paths = this.#docket
    this.#docket = []
    const raised = this.#raised(paths)
    // Of most runs there is nothing to ask: they lost nothing, or it was said.
    const silent = paths.filter(
      (path, i) => raised[i].length === 0 && (path.at(-1)?.step.truths.length ?? 0) > 0,
    )
    const doubted = this.#doubted(silent)
    return paths.map((path, i) => ({ path, raised: raised[i], isUnknown: doubted.has(path) }))
  }

  #raised(paths: readonly (readonly Done[])[]): readonly (readonly Raised[])[] {
    const { trials, events } = this.#staged(paths)
    const findings = new Map<number, Finding>()
    const rules = this.#rules({
      finding: (finding) => {
        if (ABOUT_MEMORY.includes(finding.rule)) findings.set(finding.finding, finding)
      },
      ruleCounts: ignore,
    })
    apply(events, rules)
    rules.finish()
    const at = new Map<number, Finding[]>()
    for (const finding of findings.values()) {
      for (const seq of new Set([finding.first.seq, finding.last.seq]))
        at.set(seq, [...(at.get(seq) ?? []), finding])
    }
    return trials.map((seqs) => [...new Set(seqs.flatMap((seq) => at.get(seq) ?? []))].map(raisedBy))
  }

  /** Those of whose last operation the rules say that they cannot know. */
  #doubted(paths: readonly (readonly Done[])[]): ReadonlySet<readonly Done[]> {
    const { trials, events } = this.#staged(paths)
    const asked = new Map(trials.flatMap((seqs, i) => seqs.map((seq) => [seq, paths[i]] as const)))
    const found = new Set<readonly Done[]>()
    let doubts = 0
    const rules = this.#rules({
      finding: ignore,
      ruleCounts: (counts) => {
        doubts = 0
        for (const { rule, unknown } of counts) if (ABOUT_MEMORY.includes(rule)) doubts += unknown
      },
    })
    apply(events, {
      judge: (columns, i, view) => {
        const path = asked.get(columns.seq[i])
        if (path) rules.finish()
        const before = doubts
        rules.judge(columns, i, view)
        if (path) rules.finish()
        if (path && doubts > before) found.add(path)
      },
      begin: () => {
        rules.begin()
      },
    })
    return found
  }

  /** The runs as one stream, and the numbers of the events of each one's last operation. */
  #staged(paths: readonly (readonly Done[])[]): {
    readonly trials: readonly (readonly number[])[]
    readonly events: EventColumns
  } {
    const tape = new Tape()
    const trials = paths.map((path, number) => {
      const place = { mm: number * MMS_APART, pfn: number * FRAMES_APART }
      for (const told of this.#begin) tape.add(told, place)
      let from = tape.nextSeq
      for (const { step } of path) {
        from = tape.nextSeq
        for (const told of step.told) tape.add(told, place)
      }
      return Array.from({ length: tape.nextSeq - from }, (_, i) => from + i)
    })
    return { trials, events: tape.take() }
  }

  #rules(sink: FindingSink): Rules {
    const legs = LEGS.map((name) => ({ name, attached: true }))
    return new Rules({ policy: this.#policy, sink, legs, maxFindings: Infinity })
  }
}

function apply(events: EventColumns, judge: Judge): void {
  const history = new History(NO_FACTS, { judge, maxSlots: 1 << 18 })
  history.begin(1, 1)
  history.apply({ firstSeq: 1, lastSeq: events.length, processes: [], events })
  history.finish()
}

function raisedBy({ rule, verdict, cause, last: { reference } }: Finding): Raised {
  return { rule, verdict, cause, kind: reference?.kind, write: reference?.write ?? false }
}
