import type { LossInfo } from './events.js'

/**
 * What the history concludes from events, as it concludes it: the rows that the store keeps and the screen counts.
 *
 * Ids are numbers of one recording, ascending from 1 (a resumed recording goes on where it ended). Times are ns since
 * the boot of the traced host, `seq` is the sequence number of the event that is the evidence, and `run` the ordinal
 * of the agent's boot id within the recording.
 */
export interface FactSink {
  mm(fact: MmFact): void
  mmEnded(mm: number, timeNs: number, seq: number): void
  process(fact: ProcessFact): void
  fork(fact: ForkFact): void
  gap(fact: GapFact): void
  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind, timeNs: number, seq: number): void
  frameFreed(frame: number, timeNs: number, seq: number): void
  /** Slot interval `slot` begins: (mm, vpn) maps `frame`. `certain` is false where it was deduced or a gap is near. */
  slotMapped(
    slot: number,
    mm: number,
    vpn: number,
    frame: number,
    timeNs: number,
    cause: Cause,
    seq: number,
    certain: boolean,
  ): void
  /** (mm, vpn) are those with which it began. */
  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number, mm: number, vpn: number): void
  edge(
    edge: number,
    kind: EdgeKind,
    fromFrame: number,
    toFrame: number,
    mm: number,
    vpn: number,
    timeNs: number,
    seq: number,
  ): void
  vma(fact: VmaFact): void
  /** Something else was told of its range. That its address space ended is told by `mmEnded`. */
  vmaEnded(vma: number, timeNs: number, seq: number): void
  /**
   * Counts of one second (`secondNs` is its start), one process, one mm, one kind and outcome; of write faults and copies at fork
   * also one vma and one call stack, 0: not known. Told when the second is over; where it had too many keys or a late event followed,
   * in several rows, which add up.
   */
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
  ): void
  pinTaken(pin: PinFact): void
  /** All of its references were given back, or its frames are gone. */
  pinEnded(pin: number, timeNs: number, seq: number, end: PinEnd): void
  /** What was met that cannot be; see history/anomalies.ts. Counted, the first of its name with its evidence. */
  anomaly(name: string, timeNs: number, seq: number): void
}

/** A reference that GUP took on a run of pages: contiguous in the address space and in memory. */
export interface PinFact {
  readonly pin: number
  /** Whose address space it went through; the recording's number. */
  readonly mm: number
  readonly vpn: number
  readonly pages: number
  readonly pfn: number
  /** Bits of `Foll`. */
  readonly foll: number
  /** The task that asked. */
  readonly tgid: number
  readonly tid: number
  /** Who asked, by the kernel's stack; 0: not known. */
  readonly stack: number
  /** Runs that one GUP call returned share it. */
  readonly call: number
  readonly fromNs: number
  readonly seq: number
}

/**
 * How a pin ended: given back; the frame was freed under it (a FOLL_GET is known to be gone then; a FOLL_PIN should not
 * be); or it is not known any more (forgotten for memory, another run of the agent).
 */
export const PinEnd = { Unpinned: 1, FrameFreed: 2, Forgotten: 3 } as const
export type PinEnd = (typeof PinEnd)[keyof typeof PinEnd]

export interface MmFact {
  readonly mm: number
  readonly run: number
  /** Number of the agent. */
  readonly agentMm: number
  /** 0: not known (it existed before tracing began, or was made by exec). */
  readonly parentMm: number
  readonly bornNs: number
  readonly bornBy: 'fork' | 'exec' | 'seen'
}

/** A vma, as it was told at `fromNs`. */
export interface VmaFact {
  readonly vma: number
  readonly mm: number
  readonly vpn: number
  readonly pages: number
  /** Bits of Flag that are about the vma. */
  readonly flags: number
  /** Bits of `Mapping`, 0: not told. */
  readonly mapping: number
  readonly fromNs: number
  readonly fromSeq: number
}

export interface ProcessFact {
  readonly tgid: number
  readonly parentTgid: number
  /** Recording's number, 0: none yet. */
  readonly mm: number
  readonly comm: string
  readonly startTimeNs: number
  readonly seenNs: number
}

export interface ForkFact {
  readonly parentMm: number
  readonly childMm: number
  readonly parentTgid: number
  readonly childTgid: number
  readonly timeNs: number
  readonly seq: number
}

/** A span in which events were lost; what it may have touched is uncertain until next observed. */
export interface GapFact {
  readonly run: number
  readonly reason: LossInfo['hop'] | 'reconnect' | 'agent-restart' | 'memory' | 'disk-full'
  readonly count: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly fromNs: number
  readonly untilNs: number
  readonly leg: string
}

/** Why a slot interval began or ended. Stored as the number; `causeName` gives the word. */
export const Cause = {
  Seen: 0,
  Copy: 1,
  Unshare: 2,
  Reuse: 3,
  Fork: 4,
  ForkCopy: 5,
  AnonNew: 6,
  Unmap: 7,
  MmExit: 8,
  FrameFree: 9,
  Contradicted: 10,
  Shared: 11,
  SwapOut: 12,
  SwapIn: 13,
  Migrate: 14,
  KsmMerge: 15,
  Remap: 16,
  Collapse: 17,
  Snapshot: 18,
  Exec: 19,
  /** Left out for want of memory: it may go on, but nothing is known of it any more. */
  Forgotten: 20,
} as const
export type Cause = (typeof Cause)[keyof typeof Cause]

export const EdgeKind = {
  Copy: 1,
  Unshare: 2,
  ForkCopy: 3,
  Migrate: 4,
  Swap: 5,
  Collapse: 6,
  Split: 7,
  Ksm: 8,
} as const
export type EdgeKind = (typeof EdgeKind)[keyof typeof EdgeKind]

export const FrameKind = { Unknown: 0, Anon: 1, File: 2, Ksm: 3, Hugetlb: 4, Zero: 5 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

const nothing = () => undefined

/** For whoever wants what the rules say of a history, or its state, and no facts. */
export const NO_FACTS: FactSink = {
  mm: nothing,
  mmEnded: nothing,
  process: nothing,
  fork: nothing,
  gap: nothing,
  frameSeen: nothing,
  frameFreed: nothing,
  slotMapped: nothing,
  slotEnded: nothing,
  edge: nothing,
  vma: nothing,
  vmaEnded: nothing,
  rate: nothing,
  pinTaken: nothing,
  pinEnded: nothing,
  anomaly: nothing,
}
