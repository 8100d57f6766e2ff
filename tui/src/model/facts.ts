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
  slotEnded(slot: number, timeNs: number, cause: Cause, seq: number): void
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
  /** Counts of one second (`secondNs` is its start), one process, one mm, one kind and outcome. Emitted once, when the second is over. */
  rate(
    secondNs: number,
    tgid: number,
    mm: number,
    kind: number,
    outcome: number,
    events: number,
    pages: number,
  ): void
}

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
  readonly reason: 'ring' | 'client-queue' | 'replay' | 'reconnect' | 'agent-restart' | 'memory' | 'disk-full'
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
} as const
export type Cause = (typeof Cause)[keyof typeof Cause]

export const EdgeKind = { Copy: 1, Unshare: 2, ForkCopy: 3 } as const
export type EdgeKind = (typeof EdgeKind)[keyof typeof EdgeKind]

export const FrameKind = { Unknown: 0, Anon: 1, File: 2, Ksm: 3, Hugetlb: 4, Zero: 5 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]
