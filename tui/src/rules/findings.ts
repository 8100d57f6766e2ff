import type { Evidence, Finding, FindingSink, PageSize, RuleId, Verdict } from '../model/finding.js'

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
  readonly #open = new Map<string, Open>()
  readonly #changed = new Set<Open>()
  #lumped = 0

  constructor(sink: FindingSink, bound: number) {
    this.#sink = sink
    this.#bound = bound
  }

  get size(): number {
    return this.#open.size
  }

  /** Observations that went into a finding with the cause `others`. */
  get lumped(): number {
    return this.#lumped
  }

  observe(observation: Observation): void {
    const known = this.#open.get(keyOf(observation))
    if (known !== undefined) {
      this.#add(known, observation)
      return
    }
    // Its finding was among those that were not kept apart.
    if (this.#open.size < this.#bound) {
      this.#begin(keyOf(observation), observation)
      return
    }
    this.#lumped++
    const rest = { ...observation, mm: 0, tgid: 0, cause: REST, causeTgid: 0 }
    const { rule, verdict, size } = rest
    const key = `${rule}|${verdict}|${size}|${REST}`
    const lump = this.#open.get(key)
    if (lump === undefined) this.#begin(key, rest)
    else this.#add(lump, rest)
  }

  /** Tells those that have changed since. */
  flush(): void {
    for (const finding of this.#changed) this.#sink.finding({ ...finding })
    this.#changed.clear()
  }

  #begin(key: string, observation: Observation): void {
    const { rule, verdict, mm, tgid, size, cause, causeTgid, evidence } = observation
    const { timeNs } = evidence
    const finding: Open = {
      finding: this.#open.size + 1,
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
    this.#open.set(key, finding)
    this.#sink.finding({ ...finding })
  }

  #add(finding: Open, { evidence, isCounted }: Observation): void {
    if (!isCounted) finding.count++
    finding.lastNs = Math.max(finding.lastNs, evidence.timeNs)
    finding.last = evidence
    this.#changed.add(finding)
  }
}

function keyOf({ rule, verdict, mm, cause, size, evidence: { reference } }: Observation): string {
  const what = `${rule}|${verdict}|${mm}|${cause}|${size}`
  if (reference === undefined) return what
  const { kind, write, longterm, stack } = reference
  return `${what}|${kind}|${write}|${longterm}|${stack}`
}
