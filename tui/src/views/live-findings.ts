import {
  isAlarm,
  VERDICTS,
  type Finding,
  type RuleCount,
  type RuleId,
  type Verdict,
} from '../model/finding.js'
import type { RuleText } from './rule-text.js'

/** Findings that the list holds; how many there were beyond is counted. */
const FINDINGS = 2000

/** A finding with the names of those who had part in it. */
export interface FindingRow extends Finding {
  /** The owner. Never printed unescaped, like the others. */
  readonly comm: string
  readonly causeComm: string
  readonly takerComm: string
  /** The kernel function that took the reference; empty: not known. */
  readonly taker: string
}

/** One rule with what became of it so far. */
export interface RuleRow {
  readonly rule: RuleId
  readonly text: RuleText | undefined
  readonly checked: number
  readonly held: number
  readonly broken: number
  readonly unknown: number
  readonly counts: readonly RuleCount[]
}

export type VerdictCounts = Readonly<Record<Verdict, number>>

/** What the rules have said so far. */
export class FindingBook {
  readonly #findings = new Map<number, Finding>()
  readonly #texts = new Map<RuleId, RuleText>()
  readonly #verdicts = noVerdicts()
  #counts: readonly RuleCount[] = []
  #beyond = 0

  /** Begins, or goes on with, a finding. */
  finding(finding: Finding): void {
    if (!this.#findings.has(finding.finding) && this.#findings.size >= FINDINGS) {
      this.#beyond++
      return
    }
    const before = this.#findings.get(finding.finding)
    if (before !== undefined) this.#verdicts[before.verdict] -= before.count
    this.#verdicts[finding.verdict] += finding.count
    this.#findings.set(finding.finding, finding)
  }

  ruleCounts(counts: readonly RuleCount[]): void {
    this.#counts = counts
  }

  ruleTexts(texts: readonly RuleText[]): void {
    for (const text of texts) this.#texts.set(text.rule, text)
  }

  /** Findings that the list had no room for. */
  get beyond(): number {
    return this.#beyond
  }

  /** The most alarming first, then the latest. */
  get all(): readonly Finding[] {
    return [...this.#findings.values()].sort(byAlarm)
  }

  /** The most alarming, and of these the latest; undefined where none is an alarm. */
  get worst(): Finding | undefined {
    return [...this.#findings.values()]
      .filter(isAlarm)
      .reduce<Finding | undefined>(
        (worst, finding) => (worst === undefined || byAlarm(finding, worst) < 0 ? finding : worst),
        undefined,
      )
  }

  /** Those whose first or last evidence is a page of one of these address spaces. */
  of(isMm: (mm: number) => boolean, vpn: number): readonly Finding[] {
    return this.all.filter(({ first, last }) =>
      [first, last].some((evidence) => evidence.vpn === vpn && isMm(evidence.mm)),
    )
  }

  /** Observations, not rows. */
  byVerdict(): VerdictCounts {
    return { ...this.#verdicts }
  }

  rules(): readonly RuleRow[] {
    const rules = new Set<RuleId>([...this.#texts.keys(), ...this.#counts.map(({ rule }) => rule)])
    return [...rules].sort(byKindAndNumber).map((rule) => {
      const counts = this.#counts.filter((count) => count.rule === rule)
      const sum = (what: 'checked' | 'held' | 'broken' | 'unknown') =>
        counts.reduce((total, count) => total + count[what], 0)
      return {
        rule,
        text: this.#texts.get(rule),
        checked: sum('checked'),
        held: sum('held'),
        broken: sum('broken'),
        unknown: sum('unknown'),
        counts,
      }
    })
  }
}

/** Observations that people are to be called for. */
export function alarmsOf(verdicts: VerdictCounts): number {
  return VERDICTS.filter((verdict) => isAlarm({ verdict })).reduce(
    (sum, verdict) => sum + verdicts[verdict],
    0,
  )
}

function noVerdicts(): Record<Verdict, number> {
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number> // all of them
}

function byAlarm(a: Finding, b: Finding): number {
  return alarm(b) - alarm(a) || b.lastNs - a.lastNs || b.finding - a.finding
}

function alarm({ verdict }: Finding): number {
  return VERDICTS.indexOf(verdict)
}

/** R before A. */
function byKindAndNumber(a: RuleId, b: RuleId): number {
  return a[0] === b[0] ? Number(a.slice(1)) - Number(b.slice(1)) : a.startsWith('R') ? -1 : 1
}
