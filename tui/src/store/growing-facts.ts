import type { Finding, RuleCount } from '../model/finding.js'
import type { RareFact } from './messages.js'

/**
 * What is told again and again as it grows: of findings and counts only the last word of a chunk is written, of
 * anomalies their sum, so that a rule that fires at every event costs no row an event.
 */
export class GrowingFacts {
  readonly #findings = new Map<number, Finding>()
  readonly #counts = new Map<number, readonly RuleCount[]>()
  readonly #anomalies = new Map<string, RareFact & { readonly type: 'anomaly' }>()

  finding(finding: Finding): void {
    this.#findings.set(finding.finding, finding)
  }

  ruleCounts(run: number, counts: readonly RuleCount[]): void {
    this.#counts.set(run, counts)
  }

  anomaly(run: number, name: string, timeNs: number, seq: number): void {
    const key = `${run} ${name}`
    const met = this.#anomalies.get(key)
    this.#anomalies.set(
      key,
      met === undefined
        ? { type: 'anomaly', run, name, count: 1, timeNs, seq }
        : { ...met, count: met.count + 1 },
    )
  }

  /** All so far; begins anew. */
  take(): readonly RareFact[] {
    const facts: RareFact[] = [
      ...[...this.#findings.values()].map((finding) => ({ type: 'finding' as const, finding })),
      ...[...this.#counts].map(([run, counts]) => ({ type: 'rule-counts' as const, run, counts })),
      ...this.#anomalies.values(),
    ]
    this.#findings.clear()
    this.#counts.clear()
    this.#anomalies.clear()
    return facts
  }
}
