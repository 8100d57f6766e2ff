import type {
  Cause,
  EdgeKind,
  FactSink,
  ForkFact,
  FrameKind,
  GapFact,
  MmFact,
  ProcessFact,
} from '../model/facts.js'
import type { Ids } from './ids.js'
import { WINDOW_EVENTS } from './window.js'

/** What a recording holds that goes on. */
export interface Stored extends Ids {
  readonly forks: number
  readonly rates: number
  /** The last run, and its last event. */
  readonly run: number
  readonly lastSeq: number
}

/**
 * Stands before a sink while stored events are concluded from again, to know what they left behind: passes on only what
 * the sink has not got. The same events give the same facts in the same order, so their numbers tell.
 *
 * A recorder that was killed had stored events whose facts still waited in the window: those pass. Ends of intervals
 * have no numbers; those that may have been among them pass again, which changes nothing.
 */
export class ResumedSink implements FactSink {
  readonly #sink: FactSink
  readonly #stored: Stored
  #isReplaying = true
  #run = 0
  #forks = 0
  #rates = 0

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

  mm(fact: MmFact): void {
    if (!this.#isReplaying || fact.mm > this.#stored.lastMm) this.#sink.mm(fact)
  }

  mmEnded(mm: number, timeNs: number, seq: number): void {
    if (this.#mayMiss(seq)) this.#sink.mmEnded(mm, timeNs, seq)
  }

  process(fact: ProcessFact): void {
    if (!this.#isReplaying) this.#sink.process(fact)
  }

  fork(fact: ForkFact): void {
    if (!this.#isReplaying || ++this.#forks > this.#stored.forks) this.#sink.fork(fact)
  }

  /** Stored when they came; the bound of memory, when it was reached. */
  gap(fact: GapFact): void {
    if (!this.#isReplaying) this.#sink.gap(fact)
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    if (!this.#isReplaying || frame > this.#stored.lastFrame)
      this.#sink.frameSeen(frame, pfn, order, kind, timeNs, seq)
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    if (this.#mayMiss(seq)) this.#sink.frameFreed(frame, timeNs, seq)
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
    if (!this.#isReplaying || slot > this.#stored.lastSlot)
      this.#sink.slotMapped(slot, mm, vpn, frame, timeNs, cause, seq, certain)
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number): void {
    if (this.#mayMiss(seq)) this.#sink.slotEnded(slot, timeNs, cause, seq)
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
    if (!this.#isReplaying || edge > this.#stored.lastEdge)
      this.#sink.edge(edge, kind, fromFrame, toFrame, mm, vpn, timeNs, seq)
  }

  rate(
    secondNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    events: number,
    pages: number,
  ): void {
    if (!this.#isReplaying || ++this.#rates > this.#stored.rates)
      this.#sink.rate(secondNs, tgid, mm, kind, outcome, events, pages)
  }

  #mayMiss(seq: number): boolean {
    if (!this.#isReplaying) return true
    return this.#run === this.#stored.run && seq > this.#stored.lastSeq - WINDOW_EVENTS
  }
}
