import type { Kind, Outcome } from './kinds.js'
import type { TakenStacks } from './stacks.js'

/**
 * Columns of one batch of events: the shape in which every source (gRPC, a recording, the simulator) hands events
 * to the history. Meaning and units are those of `Batch` in proto/cowpath/v1/event.proto.
 *
 * Values above 32 bits are doubles: times (ns since boot), page numbers and pfns all stay below 2^53.
 */
export interface EventColumns {
  readonly length: number
  /** Sequence number of event i, in the run of the agent that `run` names. */
  readonly seq: Float64Array
  readonly timeNs: Float64Array
  readonly vpn: Float64Array
  readonly oldPfn: Float64Array
  readonly newPfn: Float64Array
  readonly aux: Float64Array
  /** One byte each; see {@link Kind} and {@link Outcome}. A kind may be newer than this client. */
  readonly kind: Uint8Array
  readonly outcome: Uint8Array
  readonly order: Uint8Array
  readonly cpu: Uint32Array
  readonly tgid: Uint32Array
  readonly tid: Uint32Array
  readonly mm: Uint32Array
  readonly otherMm: Uint32Array
  readonly otherTgid: Uint32Array
  readonly pages: Uint32Array
  readonly flags: Uint32Array
  readonly stack: Uint32Array
  readonly refcount: Int32Array
  readonly mapcount: Int32Array
  readonly pincount: Int32Array
  readonly newRefcount: Int32Array
}

/** A process as the agent named it. `comm` is what the kernel holds: any bytes; never print it unescaped. */
export interface ProcessInfo {
  readonly tgid: number
  readonly parentTgid: number
  readonly mm: number
  readonly comm: string
  readonly startTimeNs: number
}

/**
 * A call stack, told once in a run of the agent, before the first event that names its number. Names come over the
 * wire: never print them unescaped.
 */
export interface StackInfo {
  readonly stack: number
  /** The function that asked: `io_sqe_buffers_register`, `vfio_pin_pages_remote`; empty: not known. */
  readonly taker: string
  /** Innermost first: `symbol+0xoffset` of the kernel, then those in user mode, which begin with `@`; see `codeOf`. */
  readonly frames: readonly string[]
}

/** Events [firstSeq, lastSeq] of this run never came (or `count` of them, where the kernel side lost them). */
export interface LossInfo {
  /** `not-entered`: the kernel skipped a program of the agent's that was already running on that CPU. */
  readonly hop: 'ring' | 'not-entered' | 'client-queue' | 'replay'
  readonly count: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly fromNs: number
  readonly untilNs: number
  readonly leg: string
}

/** Books of one leg: seen = submitted + ringFull + filtered + throttled + missed. */
export interface LegBooks {
  readonly name: string
  readonly attached: boolean
  readonly hook: string
  readonly reasons: readonly string[]
  readonly seen: number
  readonly submitted: number
  readonly ringFull: number
  readonly filtered: number
  readonly throttled: number
  readonly missed: number
}

/** The books of a leg that saw nothing yet. */
export const NOTHING_SEEN = {
  seen: 0,
  submitted: 0,
  ringFull: 0,
  filtered: 0,
  throttled: 0,
  missed: 0,
} as const

/** What one agent says of itself: constant for one boot id. */
export interface AgentInfo {
  readonly bootId: string
  readonly agentVersion: string
  readonly kernelRelease: string
  readonly kernelVersion: string
  readonly kernelBootId: string
  readonly hostname: string
  readonly cpus: number
  readonly pageSize: number
  readonly wallClockOffsetNs: bigint
  readonly legs: readonly LegBooks[]
  /** Call stacks that it takes; absent: it does not say. */
  readonly stacks?: TakenStacks
  /** It tells the history of one page in so many; absent or 1: of all. */
  readonly onePageIn?: number
}

/** One step of a stream, in stream order. */
export type StreamItem =
  | { readonly type: 'started'; readonly agent: AgentInfo; readonly nextSeq: number }
  | {
      readonly type: 'batch'
      readonly firstSeq: number
      readonly lastSeq: number
      readonly filtered: number
      readonly processes: readonly ProcessInfo[]
      readonly stacks: readonly StackInfo[]
      readonly events: EventColumns
    }
  | { readonly type: 'loss'; readonly loss: LossInfo }
  | {
      readonly type: 'heartbeat'
      readonly timeNs: number
      readonly lastSeq: number
      readonly legs: readonly LegBooks[]
      readonly ringUsedBytes: number
      readonly ringSizeBytes: number
      readonly residentBytes: number
      readonly cpuNs: number
    }

export type { Kind, Outcome }
