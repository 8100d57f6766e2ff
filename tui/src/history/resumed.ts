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

/** What a recording holds that goes on: the last numbers that it has given out. */
export interface Stored {
  readonly lastFrame: number
  readonly lastSlot: number
  readonly lastEdge: number
  readonly lastMm: number
  readonly lastPin: number
  readonly lastVma: number
  readonly forks: number
  /** The last run. */
  readonly run: number
}

/**
 * Stands before a sink while stored events are concluded from again, to know what they left behind: passes on only what
 * the sink has not got. The same events give the same facts in the same order, so their numbers tell.
 *
 * A recorder that was killed had stored events whose facts still waited in the window: those pass. Ends of intervals
 * have no numbers; those of the last run pass again, which changes nothing where they are stored. Counts of events pass: the
 * history leaves out those that are stored (`ratedEvents`).
 */
export class ResumedSink implements FactSink {
  readonly #sink: FactSink
  readonly #stored: Stored
  #isReplaying = true
  #run = 0
  #frames = 0
  #slots = 0
  #edges = 0
  #mms = 0
  #forks = 0
  #vmas = 0
  #pins = 0

  constructor(sink: FactSink, stored: Stored) {
    this.#sink = sink
    this.#stored = stored
  }

  /** The next stored events are of this run. */
  replaying(run: number): void {
    this.#run = run
  }

  /** All stored events were applied: from now on everything passes. */
  live(): void {
    this.#isReplaying = false
  }

  /** Whether the stored events gave all that is stored: not so where another version concluded it. */
  get isComplete(): boolean {
    const { lastFrame, lastSlot, lastEdge, lastMm, lastPin, lastVma, forks } = this.#stored
    return (
      this.#frames >= lastFrame &&
      this.#slots >= lastSlot &&
      this.#edges >= lastEdge &&
      this.#mms >= lastMm &&
      this.#pins >= lastPin &&
      this.#vmas >= lastVma &&
      this.#forks >= forks
    )
  }

  mm(fact: MmFact): void {
    this.#mms = fact.mm
    if (!this.#isReplaying || fact.mm > this.#stored.lastMm) this.#sink.mm(fact)
  }

  mmEnded(mm: number, timeNs: number, seq: number): void {
    if (this.#mayMiss()) this.#sink.mmEnded(mm, timeNs, seq)
  }

  process(fact: ProcessFact): void {
    if (!this.#isReplaying) this.#sink.process(fact)
  }

  fork(fact: ForkFact): void {
    this.#forks++
    if (!this.#isReplaying || this.#forks > this.#stored.forks) this.#sink.fork(fact)
  }

  /** Stored when they came; the bound of memory, when it was reached. */
  gap(fact: GapFact): void {
    if (!this.#isReplaying) this.#sink.gap(fact)
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    this.#frames = frame
    if (!this.#isReplaying || frame > this.#stored.lastFrame)
      this.#sink.frameSeen(frame, pfn, order, kind, timeNs, seq)
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    if (this.#mayMiss()) this.#sink.frameFreed(frame, timeNs, seq)
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
    this.#slots = slot
    if (!this.#isReplaying || slot > this.#stored.lastSlot)
      this.#sink.slotMapped(slot, mm, vpn, frame, timeNs, cause, seq, certain)
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void {
    if (this.#mayMiss()) this.#sink.slotEnded(slot, timeNs, cause, seq, mm, vpn)
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
    this.#edges = edge
    if (!this.#isReplaying || edge > this.#stored.lastEdge)
      this.#sink.edge(edge, kind, fromFrame, toFrame, mm, vpn, timeNs, seq)
  }

  vma(fact: VmaFact): void {
    this.#vmas = fact.vma
    if (!this.#isReplaying || fact.vma > this.#stored.lastVma) this.#sink.vma(fact)
  }

  vmaEnded(vma: number, timeNs: number, seq: number): void {
    if (this.#mayMiss()) this.#sink.vmaEnded(vma, timeNs, seq)
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
    this.#sink.rate(secondNs, tgid, mm, kind, outcome, events, pages, vma, stack)
  }

  pinTaken(pin: PinFact): void {
    this.#pins = pin.pin
    if (!this.#isReplaying || pin.pin > this.#stored.lastPin) this.#sink.pinTaken(pin)
  }

  pinEnded(pin: number, timeNs: number, seq: number, end: PinEnd): void {
    if (this.#mayMiss()) this.#sink.pinEnded(pin, timeNs, seq, end)
  }

  anomaly(name: string, timeNs: number, seq: number): void {
    if (!this.#isReplaying) this.#sink.anomaly(name, timeNs, seq)
  }

  /** How far back the window reached is not known: where a filter left holes, its numbers span any length. */
  #mayMiss(): boolean {
    return !this.#isReplaying || this.#run === this.#stored.run
  }
}
