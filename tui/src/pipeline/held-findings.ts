import type { Finding, RuleCount } from '../model/finding.js'
import type { RunFindingSink } from './judges.js'

/** Keeps what is found until it is known that the recording will be gone on with: one that is refused stays as it is. */
export class HeldFindings implements RunFindingSink {
  readonly #sink: RunFindingSink
  #findings: Map<number, Finding> | undefined = new Map()
  readonly #counts = new Map<number, readonly RuleCount[]>()

  constructor(sink: RunFindingSink) {
    this.#sink = sink
  }

  finding(finding: Finding): void {
    if (this.#findings === undefined) this.#sink.finding(finding)
    else this.#findings.set(finding.finding, finding)
  }

  ruleCounts(run: number, counts: readonly RuleCount[]): void {
    if (this.#findings === undefined) this.#sink.ruleCounts(run, counts)
    else this.#counts.set(run, counts)
  }

  /** Passes on what was kept, and from now on everything at once. */
  release(): void {
    const findings = this.#findings ?? new Map<number, Finding>()
    this.#findings = undefined
    for (const finding of findings.values()) this.#sink.finding(finding)
    for (const [run, counts] of this.#counts) this.#sink.ruleCounts(run, counts)
  }
}
