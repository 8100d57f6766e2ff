import {
  RULE_IDS,
  type Evidence,
  type Finding,
  type FindingSink,
  type PageSize,
  type Reference,
  type RuleId,
  type Verdict,
} from '../model/finding.js'

/** One observation, as the book takes it. */
export interface Observation {
  readonly rule: RuleId
  readonly verdict: Verdict
  readonly mm: number
  readonly tgid: number
  readonly size: PageSize
  readonly cause: string
  readonly causeTgid: number
  readonly evidence: Evidence
  /** It was counted before: only the evidence is new. */
  readonly isCounted: boolean
}

type Open = { -readonly [Name in keyof Finding]: Finding[Name] }

/** Where findings are too many to keep apart. */
const REST = 'others'

/**
 * Observations as findings: one for each rule, verdict, owner, cause, page size and kind of reference, with a count. At most
 * `bound` are kept apart; beyond that, what is new goes into one finding for each rule, verdict and size, of no owner and
 * with the cause `others`.
 */
export class Findings {
  readonly #sink: FindingSink
  readonly #bound: number
  /** By owner and rule: each has few. */
  readonly #open = new Map<number, Open[]>()
  readonly #changed = new Set<Open>()
  #size = 0
  #lumped = 0

  constructor(sink: FindingSink, bound: number) {
    this.#sink = sink
    this.#bound = bound
  }

  get size(): number {
    return this.#size
  }

  /** Observations that went into a finding with the cause `others`. */
  get lumped(): number {
    return this.#lumped
  }

  observe(observation: Observation): void {
    const known = this.#find(observation)
    if (known !== undefined) {
      this.#add(known, observation)
      return
    }
    if (this.#size < this.#bound) {
      this.#begin(observation)
      return
    }
    this.#lumped++
    const rest = { ...observation, mm: 0, tgid: 0, cause: REST, causeTgid: 0 }
    const lump = this.#find(rest)
    if (lump === undefined) this.#begin(rest)
    else this.#add(lump, rest)
  }

  /** Tells those that have changed since. */
  flush(): void {
    for (const finding of this.#changed) this.#sink.finding({ ...finding })
    this.#changed.clear()
  }

  #find(observation: Observation): Open | undefined {
    return this.#open.get(keyOf(observation))?.find((finding) => isLike(finding, observation))
  }

  #begin(observation: Observation): void {
    const { rule, verdict, mm, tgid, size, cause, causeTgid, evidence } = observation
    const { timeNs } = evidence
    const finding: Open = {
      finding: ++this.#size,
      rule,
      verdict,
      mm,
      tgid,
      size,
      cause,
      causeTgid,
      count: 1,
      firstNs: timeNs,
      lastNs: timeNs,
      first: evidence,
      last: evidence,
    }
    const key = keyOf(observation)
    const others = this.#open.get(key)
    if (others === undefined) this.#open.set(key, [finding])
    else others.push(finding)
    this.#sink.finding({ ...finding })
  }

  #add(finding: Open, { evidence, isCounted }: Observation): void {
    if (!isCounted) finding.count++
    finding.lastNs = Math.max(finding.lastNs, evidence.timeNs)
    finding.last = evidence
    this.#changed.add(finding)
  }
}

function keyOf({ rule, mm }: Observation): number {
  return mm * RULE_IDS.length + RULE_IDS.indexOf(rule)
}

function isLike(finding: Finding, { verdict, cause, size, evidence }: Observation): boolean {
  if (finding.verdict !== verdict || finding.cause !== cause || finding.size !== size) return false
  return cause === REST || isLikeReference(finding.first.reference, evidence.reference)
}

function isLikeReference(a: Reference | undefined, b: Reference | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.kind === b.kind && a.write === b.write && a.longterm === b.longterm && a.stack === b.stack
}
