import type { AgentInfo, LegBooks, LossInfo } from '../model/events.js'
import type { HotPage } from './hot-pages.js'
import type { FindingRow, RuleRow, VerdictCounts } from './live-findings.js'
import type { ForkRow } from './live-forks.js'
import type { HugeRow } from './live-huge.js'
import type { PinRow, PinsView } from './live-pins.js'
import type { ClientTarget } from './target.js'

/** Lists that are long: told only to who shows them, where the telling costs something. */
export const LIST_NAMES = ['processes', 'latest', 'findings', 'pages', 'pins', 'huge', 'forks'] as const
export type ListName = (typeof LIST_NAMES)[number]

/** A snapshot without some of its lists. */
export type SnapshotPart = Omit<LiveSnapshot, ListName> & Partial<Pick<LiveSnapshot, ListName>>

/** What the live views show: plain data at one moment, the same for the screen and for `--json`. */
export interface LiveSnapshot extends HostBrief {
  readonly legs: readonly LegBooks[]
  /** The host's clock (ns since its boot) up to which all events have been seen; 0: nothing yet. */
  readonly hostTimeNs: number
  /** How much later than the best case the last heartbeat came; null before the first. */
  readonly lagNs: number | null
  /** Counts of each of the last seconds of the host, oldest first; only seconds that are over. */
  readonly seconds: readonly Counts[]
  readonly processes: readonly ProcessRow[]
  /** Processes that had to be forgotten, because more were active than the list holds. */
  readonly forgottenProcesses: number
  /** Of the processes that the filter names: those whose last event was their end. */
  readonly endedPids: readonly number[]
  /** Events of kinds that this client has no name for. */
  readonly unknownKinds: number
  /** Of this program; empty: not told. */
  readonly clientVersion: string
  /** Newest first. */
  readonly latest: readonly PageEvent[]
  /** The most alarming first. */
  readonly findings: readonly FindingRow[]
  /** Findings beyond those that the list holds. */
  readonly findingsBeyond: number
  readonly rules: readonly RuleRow[]
  /** The first of the findings, where it is an alarm; the FOLL_PIN that has been held for longest, and how much is pinned. */
  readonly worst: FindingRow | null
  readonly oldestPin: PinRow | null
  readonly pinnedPages: number
  readonly pins: PinsView
  /** The hottest first. */
  readonly pages: readonly HotPage[]
  readonly huge: readonly HugeRow[]
  /** As a tree. */
  readonly forks: readonly ForkRow[]
  /** Forks that are not held any more. */
  readonly forgottenForks: number
  /** null before the first heartbeat. */
  readonly load: AgentLoad | null
}

/** What an agent comes to, without any list. */
export interface HostBrief {
  readonly connection: Connection
  /** null until the agent has said who it is. */
  readonly agent: AgentInfo | null
  readonly totals: Counts
  readonly lost: LostCounts
  /** Observations, not rows. */
  readonly verdicts: VerdictCounts
  /** What this client asked the agent for; null: for all that it traces. */
  readonly filter: ClientTarget | null
  /** What nobody saw, as no agent was there: a loss of which not even the number is known. */
  readonly unseen: Unseen
}

export interface Unseen {
  readonly times: number
  readonly ms: number
}

/** One of the agents that are looked at, in a line. */
export interface HostRow {
  /** The endpoint, or the recording. */
  readonly endpoint: string
  readonly hostname: string
  readonly kernelRelease: string
  readonly state: Connection['state']
  readonly events: number
  readonly copiedBytes: number
  readonly lost: number
  /** Observations of hazards and violations. */
  readonly alarms: number
  /** The views show this one. */
  readonly isShown: boolean
}

/** What the agent costs its host. */
export interface AgentLoad {
  readonly ringUsedBytes: number
  readonly ringSizeBytes: number
  readonly residentBytes: number
  /** User and system time so far. */
  readonly cpuNs: number
  /** Of one CPU, between the last two heartbeats; null before the second. */
  readonly cpuShare: number | null
}

export type Connection =
  | { readonly state: 'connecting'; readonly endpoint: string; readonly why: string }
  | {
      readonly state: 'reconnecting'
      readonly endpoint: string
      readonly why: string
      readonly sinceWallMs: number
    }
  | { readonly state: 'connected'; readonly endpoint: string; readonly sinceWallMs: number }
  | { readonly state: 'recorded'; readonly endpoint: string }
  | { readonly state: 'ended'; readonly endpoint: string; readonly why: string }

export interface Counts {
  readonly events: number
  /** Write faults and unshare faults on present, write-protected mappings of any size. */
  readonly faults: number
  /** Committed copies: by write faults, by unsharing, and early ones at fork. */
  readonly copies: number
  readonly copiedBytes: number
  /** Made writable in place. */
  readonly reuses: number
  readonly forks: number
}

export type LostCounts = Readonly<Record<LossInfo['hop'], number>>

export interface ProcessRow extends Counts {
  readonly tgid: number
  /** As the kernel holds it; empty where the agent has not named it. Never printed unescaped. */
  readonly comm: string
  /** 0: not known. */
  readonly parentTgid: number
  readonly lastNs: number
}

/** One event on one page. -1 stands for a count that could not be read. */
export interface PageEvent {
  readonly seq: number
  readonly timeNs: number
  readonly tgid: number
  readonly comm: string
  readonly kind: number
  readonly outcome: number
  readonly vpn: number
  readonly oldPfn: number
  readonly newPfn: number
  readonly refcount: number
  readonly mapcount: number
}

export const NO_COUNTS: Counts = { events: 0, faults: 0, copies: 0, copiedBytes: 0, reuses: 0, forks: 0 }
