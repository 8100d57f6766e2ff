/** What is concluded, told to whoever looks on as well as to the recording. */
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
import type { FindingSink } from '../model/finding.js'
import type { RunFindingSink } from './judges.js'

/** The part of it that a person watches. Of a recording that goes on, what it holds is told again first. */
export interface Conclusions extends FindingSink {
  pinTaken(pin: PinFact): void
  pinEnded(pin: number, timeNs: number, end: PinEnd): void
  process(fact: ProcessFact): void
  fork(fact: ForkFact): void
  /** null: nobody asks for the history of a page. */
  readonly families: FamilySink | null
}

/** What mapped frames, and where those came from. */
export type FamilySink = Pick<FactSink, 'frameSeen' | 'frameFreed' | 'slotMapped' | 'slotEnded' | 'edge'>

const nothing = () => undefined

export const NO_FINDINGS: RunFindingSink = { finding: nothing, ruleCounts: nothing }

export function findingsShown(sink: RunFindingSink, conclusions: Conclusions | undefined): RunFindingSink {
  if (conclusions === undefined) return sink
  return {
    finding(finding) {
      sink.finding(finding)
      conclusions.finding(finding)
    },
    ruleCounts(run, counts) {
      sink.ruleCounts(run, counts)
      conclusions.ruleCounts(counts)
    },
  }
}

/** Passes all facts on, and tells what is watched on the way. */
export class FactsShown implements FactSink {
  readonly #sink: FactSink
  readonly #conclusions: Conclusions
  readonly #families: FamilySink | null

  constructor(sink: FactSink, conclusions: Conclusions) {
    this.#sink = sink
    this.#conclusions = conclusions
    this.#families = conclusions.families
  }

  pinTaken(pin: PinFact): void {
    this.#sink.pinTaken(pin)
    this.#conclusions.pinTaken(pin)
  }

  pinEnded(pin: number, timeNs: number, seq: number, end: PinEnd): void {
    this.#sink.pinEnded(pin, timeNs, seq, end)
    this.#conclusions.pinEnded(pin, timeNs, end)
  }

  mm(fact: MmFact): void {
    this.#sink.mm(fact)
  }

  mmEnded(mm: number, timeNs: number, seq: number): void {
    this.#sink.mmEnded(mm, timeNs, seq)
  }

  process(fact: ProcessFact): void {
    this.#sink.process(fact)
    this.#conclusions.process(fact)
  }

  fork(fact: ForkFact): void {
    this.#sink.fork(fact)
    this.#conclusions.fork(fact)
  }

  gap(fact: GapFact): void {
    this.#sink.gap(fact)
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void {
    this.#sink.frameSeen(frame, pfn, order, kind, timeNs, seq)
    this.#families?.frameSeen(frame, pfn, order, kind, timeNs, seq)
  }

  frameFreed(frame: number, timeNs: number, seq: number): void {
    this.#sink.frameFreed(frame, timeNs, seq)
    this.#families?.frameFreed(frame, timeNs, seq)
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
    this.#sink.slotMapped(slot, mm, vpn, frame, timeNs, cause, seq, certain)
    this.#families?.slotMapped(slot, mm, vpn, frame, timeNs, cause, seq, certain)
  }

  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void {
    this.#sink.slotEnded(slot, timeNs, cause, seq, mm, vpn)
    this.#families?.slotEnded(slot, timeNs, cause, seq, mm, vpn)
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
    this.#sink.edge(edge, kind, fromFrame, toFrame, mm, vpn, timeNs, seq)
    this.#families?.edge(edge, kind, fromFrame, toFrame, mm, vpn, timeNs, seq)
  }

  vma(fact: VmaFact): void {
    this.#sink.vma(fact)
  }

  vmaEnded(vma: number, timeNs: number, seq: number): void {
    this.#sink.vmaEnded(vma, timeNs, seq)
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

  anomaly(name: string, timeNs: number, seq: number): void {
    this.#sink.anomaly(name, timeNs, seq)
  }
}
