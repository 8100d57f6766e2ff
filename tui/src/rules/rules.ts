import type { HistoryView, Judge } from '../history/judge.js'
import type { EventColumns, LegBooks } from '../model/events.js'
import { RULE_IDS, type Evidence, type FindingSink, type RuleId } from '../model/finding.js'
import { Foll, Kind } from '../model/kinds.js'
import type { Policy } from '../policy/policy.js'
import { RULES } from './catalogue.js'
import { Findings } from './findings.js'
import type { Broken, Check, Rule } from './rule.js'
import { RuleCounts } from './rule-counts.js'
import { Scene } from './scene.js'

export interface RulesOptions {
  /** What the traced kernel promises. */
  readonly policy: Policy
  readonly sink: FindingSink
  /** The agent's legs: a rule that needs one which is not attached answers `unknown`. */
  readonly legs: readonly Pick<LegBooks, 'name' | 'attached'>[]
  /** Of what a PMD of the traced host maps; default 9. */
  readonly pmdOrder?: number
  /** Findings that are kept apart at most; default 4096. */
  readonly maxFindings?: number
  /** The rules that are asked; default all. */
  readonly only?: readonly RuleId[]
}

const DEFAULT_MAX_FINDINGS = 4096
/** What has changed is told after so many events, or so much of the events' time, whichever comes first. */
const FLUSH_EVENTS = 65_536
const FLUSH_NS = 1e9
const KINDS = Math.max(...Object.values(Kind)) + 1

/** More than there are: the last stands for those that are not known. */
const OUTCOMES = 16

interface BoundCheck {
  /** Index in RULE_IDS. */
  readonly rule: number
  readonly judgesBy: Rule['judgesBy']
  /** Bits of which the event has to have one; 0: none. */
  readonly flags: number
  readonly check: Check
}

/** Judges each event by the rules that look at its kind. Pure: the same events and views give the same findings. */
export class Rules implements Judge {
  readonly #options: RulesOptions
  readonly #counts = new RuleCounts()
  readonly #findings: Findings
  readonly #scene: Scene
  /** By kind and outcome: checks for every event, and those that are called only while a reference of GUP is known. */
  #always: readonly (readonly BoundCheck[])[] = []
  #withPins: readonly (readonly BoundCheck[])[] = []
  #sinceFlush = 0
  #flushedNs: number | undefined

  constructor(options: RulesOptions) {
    this.#options = options
    this.#findings = new Findings(options.sink, options.maxFindings ?? DEFAULT_MAX_FINDINGS)
    this.#scene = new Scene(options.policy, options.pmdOrder)
    this.begin()
  }

  /** Observations beyond the bound of findings; they are in findings with the cause `others`. */
  get lumped(): number {
    return this.#findings.lumped
  }

  begin(): void {
    const attached = new Set(this.#options.legs.filter((leg) => leg.attached).map(({ name }) => name))
    const always: BoundCheck[][] = emptyTable()
    const withPins: BoundCheck[][] = emptyTable()
    const { only = RULE_IDS } = this.#options
    for (const rule of RULES) {
      if (!only.includes(rule.id)) continue
      const isBlind = !rule.needs.every((leg) => attached.has(leg))
      const table = rule.isAboutPins && !isBlind ? withPins : always
      for (const [kind, { check, outcomes, flags = 0 }] of Object.entries(rule.begin())) {
        const bound = {
          rule: RULE_IDS.indexOf(rule.id),
          judgesBy: rule.judgesBy,
          flags,
          check: isBlind ? cannotKnow : check,
        }
        for (let outcome = 0; outcome < OUTCOMES; outcome++)
          if (outcomes?.some((one) => one === outcome) ?? true)
            table[Number(kind) * OUTCOMES + outcome].push(bound)
      }
    }
    this.#always = always
    this.#withPins = withPins
  }

  judge(events: EventColumns, index: number, view: HistoryView): void {
    const kind = events.kind[index]
    // Of a file, through no slot: what rules say of GUP is about slots.
    const isOfFile = kind === Kind.Gup && (events.aux[index] & Foll.File) !== 0
    if (kind < KINDS && !isOfFile) {
      const at = kind * OUTCOMES + Math.min(events.outcome[index], OUTCOMES - 1)
      const always = this.#always[at]
      const withPins = view.hasPins ? this.#withPins[at] : NO_CHECKS
      if (always.length + withPins.length > 0) {
        this.#scene.at(events, index, view)
        this.#runAll(always)
        this.#runAll(withPins)
      }
    }
    this.#tellInTime(events.timeNs[index])
  }

  /** The stream is over: tells what has not been told. */
  finish(): void {
    this.#sinceFlush = 0
    this.#findings.flush()
    this.#options.sink.ruleCounts(this.#counts.list())
  }

  #runAll(checks: readonly BoundCheck[]): void {
    const { flags } = this.#scene
    for (const check of checks) if (check.flags === 0 || (flags & check.flags) !== 0) this.#run(check)
  }

  #run({ rule, judgesBy, check }: BoundCheck): void {
    const scene = this.#scene
    const answer = check(scene)
    if (answer === undefined) return
    if (answer === 'held') this.#counts.held(rule, scene.size)
    else if (answer === 'unknown') this.#counts.unknown(rule, scene.size)
    else if (judgesBy === 'state' && isUncertain(scene)) this.#counts.unknown(rule, answer.size ?? scene.size)
    else this.#broken(rule, answer)
  }

  #broken(rule: number, broken: Broken): void {
    const scene = this.#scene
    const size = broken.size ?? scene.size
    const isCounted = broken.isCounted === true
    if (!isCounted) this.#counts.broken(rule, size)
    const { view, mm } = scene
    const owner = broken.mm ?? mm
    this.#findings.observe({
      rule: RULE_IDS[rule],
      verdict: broken.verdict,
      mm: owner,
      tgid: view.tgidOf(owner),
      size,
      cause: broken.cause,
      causeTgid: broken.causeTgid ?? 0,
      evidence: evidenceOf(scene, broken),
      isCounted,
    })
  }

  #tellInTime(timeNs: number): void {
    this.#sinceFlush++
    this.#flushedNs ??= timeNs
    if (this.#sinceFlush < FLUSH_EVENTS && timeNs < this.#flushedNs + FLUSH_NS) return
    this.#flushedNs = timeNs
    this.finish()
  }
}

const NO_CHECKS: readonly BoundCheck[] = []

function emptyTable(): BoundCheck[][] {
  return Array.from({ length: KINDS * OUTCOMES }, () => [])
}

/** In place of a check that lacks a leg. */
const cannotKnow: Check = () => 'unknown'

/** No accusation near a gap. What a rule asks of slots and pins, it asks their certainty of, too. */
function isUncertain({ view, oldPfn }: Scene): boolean {
  return oldPfn !== 0 && !view.isFrameCertain(oldPfn)
}

function evidenceOf({ events, i, view, mm }: Scene, { reference, words }: Broken): Evidence {
  return {
    run: view.run,
    seq: events.seq[i],
    timeNs: events.timeNs[i],
    kind: events.kind[i],
    outcome: events.outcome[i],
    tgid: events.tgid[i],
    tid: events.tid[i],
    mm,
    vpn: events.vpn[i],
    oldPfn: events.oldPfn[i],
    newPfn: events.newPfn[i],
    flags: events.flags[i],
    refcount: events.refcount[i],
    mapcount: events.mapcount[i],
    pincount: events.pincount[i],
    reference,
    words,
  }
}
