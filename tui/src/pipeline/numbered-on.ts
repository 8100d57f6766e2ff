import type {
  Cause,
  EdgeKind,
  FactSink,
  ForkFact,
  FrameKind,
  GapFact,
  MmFact,
  PinEnd,
  PinFact,
  ProcessFact,
  VmaFact,
} from '../model/facts.js'
import type { Evidence, Finding, Reference, RuleCount } from '../model/finding.js'
import type { RunFindingSink } from './judges.js'

/** The last numbers that a recording has given out. */
export interface LastNumbers {
  readonly lastFrame: number
  readonly lastSlot: number
  readonly lastEdge: number
  readonly lastPin: number
  readonly lastMm: number
  readonly lastVma: number
  readonly lastFinding: number
}

/**
 * Stands before a recording that goes on although its oldest events were removed: a new history cannot know what the old one
 * knew, so it begins anew, with numbers behind those that are given out.
 */
export class FactsNumberedOn implements FactSink {
  readonly #sink: FactSink
  readonly #last: LastNumbers

  constructor(sink: FactSink, last: LastNumbers) {
    this.#sink = sink
    this.#last = last
  }

  mm(fact: MmFact): void {
    this.#sink.mm({ ...fact, mm: this.#mm(fact.mm), parentMm: this.#mm(fact.parentMm) })
  }

  mmEnded(mm: number, timeNs: number, seq: number): void {
    this.#sink.mmEnded(this.#mm(mm), timeNs, seq)
  }

  process(fact: ProcessFact): void {
    this.#sink.process({ ...fact, mm: this.#mm(fact.mm) })
  }

  fork(fact: ForkFact): void {
    this.#sink.fork({ ...fact, parentMm: this.#mm(fact.parentMm), childMm: this.#mm(fact.childMm) })
  }

  gap(fact: GapFact): void {
    this.#sink.gap(fact)
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    this.#sink.frameSeen(this.#frame(frame), pfn, order, kind, timeNs, seq)
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    this.#sink.frameFreed(this.#frame(frame), timeNs, seq)
  }

  slotMapped(
    slot: number,
    mm: number,
    vpn: number,
    frame: number,
    timeNs: number,
    cause: Cause,
    seq: number,
    certain: boolean,
  ): void {
    const { lastSlot } = this.#last
    this.#sink.slotMapped(slot + lastSlot, this.#mm(mm), vpn, this.#frame(frame), timeNs, cause, seq, certain)
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void {
    this.#sink.slotEnded(slot + this.#last.lastSlot, timeNs, cause, seq, this.#mm(mm), vpn)
  }

  edge(
    edge: number,
    kind: EdgeKind,
    fromFrame: number,
    toFrame: number,
    mm: number,
    vpn: number,
    timeNs: number,
    seq: number,
  ): void {
    const from = this.#frame(fromFrame)
    this.#sink.edge(
      edge + this.#last.lastEdge,
      kind,
      from,
      this.#frame(toFrame),
      this.#mm(mm),
      vpn,
      timeNs,
      seq,
    )
  }

  vma(fact: VmaFact): void {
    this.#sink.vma({ ...fact, vma: fact.vma + this.#last.lastVma, mm: this.#mm(fact.mm) })
  }

  vmaEnded(vma: number, timeNs: number, seq: number): void {
    this.#sink.vmaEnded(vma + this.#last.lastVma, timeNs, seq)
  }

  rate(
    secondNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    events: number,
    pages: number,
    vma: number,
    stack: number,
  ): void {
    this.#sink.rate(
      secondNs,
      tgid,
      this.#mm(mm),
      kind,
      outcome,
      events,
      pages,
      after(this.#last.lastVma, vma),
      stack,
    )
  }

  pinTaken(pin: PinFact): void {
    this.#sink.pinTaken({ ...pin, pin: pin.pin + this.#last.lastPin, mm: this.#mm(pin.mm) })
  }

  pinEnded(pin: number, timeNs: number, seq: number, end: PinEnd): void {
    this.#sink.pinEnded(pin + this.#last.lastPin, timeNs, seq, end)
  }

  anomaly(name: string, timeNs: number, seq: number): void {
    this.#sink.anomaly(name, timeNs, seq)
  }

  #mm(mm: number): number {
    return after(this.#last.lastMm, mm)
  }

  #frame(frame: number): number {
    return after(this.#last.lastFrame, frame)
  }
}

/** 0 stays what it means everywhere: none. */
function after(last: number, number: number): number {
  return number === 0 ? 0 : last + number
}

/** The same of findings; counts of rules go on from those that are stored of the run. */
export class FindingsNumberedOn implements RunFindingSink {
  readonly #sink: RunFindingSink
  readonly #last: LastNumbers
  readonly #counted: ReadonlyMap<string, RuleCount>
  readonly #run: number

  constructor(sink: RunFindingSink, last: LastNumbers, run: number, counted: readonly RuleCount[]) {
    this.#sink = sink
    this.#last = last
    this.#run = run
    this.#counted = new Map(counted.map((count) => [`${count.rule} ${count.size}`, count]))
  }

  finding(finding: Finding): void {
    this.#sink.finding({
      ...finding,
      finding: finding.finding + this.#last.lastFinding,
      mm: after(this.#last.lastMm, finding.mm),
      first: this.#evidence(finding.first),
      last: this.#evidence(finding.last),
    })
  }

  ruleCounts(run: number, counts: readonly RuleCount[]): void {
    this.#sink.ruleCounts(run, run === this.#run ? counts.map((count) => this.#sum(count)) : counts)
  }

  #sum(count: RuleCount): RuleCount {
    const before = this.#counted.get(`${count.rule} ${count.size}`)
    if (before === undefined) return count
    return {
      ...count,
      checked: before.checked + count.checked,
      held: before.held + count.held,
      broken: before.broken + count.broken,
      unknown: before.unknown + count.unknown,
    }
  }

  #evidence(evidence: Evidence): Evidence {
    const { mm, reference } = evidence
    return {
      ...evidence,
      mm: after(this.#last.lastMm, mm),
      reference: reference === undefined ? undefined : this.#reference(reference),
    }
  }

  #reference(reference: Reference): Reference {
    const { lastMm, lastPin } = this.#last
    return { ...reference, pin: after(lastPin, reference.pin), mm: after(lastMm, reference.mm) }
  }
}
