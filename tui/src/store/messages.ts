import type { CountersChange } from '../model/counts.js'
import type { AgentInfo, LegBooks, StackInfo } from '../model/events.js'
import type { Finding, RuleCount } from '../model/finding.js'
import type { ForkFact, GapFact, MmFact, ProcessFact, VmaFact } from '../model/facts.js'
import type { Telling } from './hot-rows.js'
import type { EndedTable, HotTable } from './hot-tables.js'

/** What passes between the recorder's thread and the writer's. Buffers are transferred, never copied. */
export type ToWriter = Chunk | { readonly type: 'close' }

/** Written in one transaction: events and all that was concluded from them, and from those before. */
export interface Chunk {
  readonly type: 'chunk'
  readonly id: number
  readonly rare: readonly RareFact[]
  readonly rows: Readonly<Record<HotTable, Rows>>
  /** As shared-rows.ts packs them. */
  readonly shared: Rows
  readonly ends: Readonly<Record<EndedTable, Rows>>
  readonly blocks: readonly OpenBlock[]
}

export interface Rows {
  readonly rows: number
  readonly values: Float64Array
}

/** Events of one run, in the layout of `columnsOver`, not packed yet. */
export interface OpenBlock {
  readonly run: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly capacity: number
  readonly length: number
  readonly buffer: ArrayBuffer
}

/** Facts so few that an object each is no matter. */
export type RareFact =
  | { readonly type: 'run'; readonly run: number; readonly agent: AgentInfo; readonly firstSeq: number }
  | { readonly type: 'legs'; readonly run: number; readonly legs: readonly LegBooks[] }
  | { readonly type: 'counters'; readonly run: number; readonly change: CountersChange }
  | { readonly type: 'load'; readonly run: number; readonly load: AgentLoad }
  | { readonly type: 'mm'; readonly fact: MmFact }
  | { readonly type: 'mm-ended'; readonly mm: number; readonly timeNs: number; readonly seq: number }
  | { readonly type: 'process'; readonly fact: ProcessFact }
  | { readonly type: 'vma'; readonly fact: VmaFact }
  | { readonly type: 'vma-ended'; readonly vma: number; readonly timeNs: number; readonly seq: number }
  | { readonly type: 'fork'; readonly fact: ForkFact }
  | { readonly type: 'gap'; readonly fact: GapFact; readonly afterSeq: number }
  /** All slots and pins that have not ended. */
  | { readonly type: 'forgotten'; readonly timeNs: number; readonly seq: number }
  | { readonly type: 'stacks'; readonly run: number; readonly stacks: readonly StackInfo[] }
  /** What was found is concluded anew from the stored events: the findings that follow are all. */
  | { readonly type: 'findings-anew' }
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'rule-counts'; readonly run: number; readonly counts: readonly RuleCount[] }
  /** `count` more of them; time and seq are those of the first of these. */
  | {
      readonly type: 'anomaly'
      readonly run: number
      readonly name: string
      readonly count: number
      readonly timeNs: number
      readonly seq: number
    }

export interface AgentLoad {
  readonly timeNs: number
  readonly lastSeq: number
  readonly ringUsedBytes: number
  readonly ringSizeBytes: number
  readonly residentBytes: number
  readonly cpuNs: number
}

export type FromWriter =
  | { readonly type: 'opened'; readonly state: RecordingState }
  /** Chunk `id` is in the database: it outlives this process. */
  | { readonly type: 'committed'; readonly id: number }
  /** The disk is full: nothing is lost, the writer tries again each second. */
  | { readonly type: 'paused'; readonly why: string }
  | { readonly type: 'resumed'; readonly pausedMs: number }
  /** `why` is set where the recording is whole, but could not be indexed. */
  | { readonly type: 'closed'; readonly why: string | undefined }
  | { readonly type: 'failed'; readonly what: string; readonly why: string; readonly todo: string }

/** Where a recording ends: a resumed one goes on from here, a new one has all zero. */
export interface RecordingState {
  readonly lastFrame: number
  readonly lastSlot: number
  readonly lastEdge: number
  readonly lastPin: number
  readonly lastMm: number
  readonly lastVma: number
  readonly lastFinding: number
  readonly forks: number
  /** Events that the rates count. */
  readonly ratedEvents: number
  readonly runs: readonly RunState[]
  /** Its oldest events were removed: what it holds does not follow from those that are left. */
  readonly isTrimmed: boolean
  /** How it goes on. */
  readonly telling: Telling
}

export interface RunState {
  readonly run: number
  readonly bootId: string
  /** Last sequence number that is in the database; 0: none. */
  readonly lastSeq: number
}
