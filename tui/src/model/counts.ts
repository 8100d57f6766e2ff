/** What an agent counts of every process, by the names that tables and `--json` have: `Counter` of proto/cowpath/v1/agent.proto. */
export const COUNTER_NAMES = [
  ...(['faults', 'huge_faults', 'hugetlb_faults', 'copies', 'unshares', 'reuses', 'copied_bytes'] as const),
  ...(['forks', 'fork_vmas', 'execs', 'unmaps', 'gups', 'gup_pages', 'pins_taken', 'pins_returned'] as const),
  ...([
    'swap_outs',
    'swap_ins',
    'ksm_merges',
    'pmd_splits',
    'folio_splits',
    'collapses',
    'migrations',
  ] as const),
] as const
export type CounterName = (typeof COUNTER_NAMES)[number]
export type Counts = Readonly<Record<CounterName, number>>

/** What one process did since the agent attached. `comm` is any bytes; never print it unescaped. */
export interface ProcessCounts {
  readonly tgid: number
  readonly startTimeNs: number
  readonly comm: string
  readonly ended: boolean
  readonly counts: Counts
}

export interface CountersSnapshot {
  /** Since the boot of the traced host. */
  readonly timeNs: number
  readonly processes: readonly ProcessCounts[]
  /** Of no process that is named. */
  readonly other: Counts
  /** Ended processes whose counts are in `other`. */
  readonly evicted: number
  /** Counts that are in `other` because their process found no place. */
  readonly crowded: number
}

/** What is new in the counters of a run. */
export interface CountersChange {
  readonly timeNs: number
  /** Processes with all of their counts; that without a name is process 0. */
  readonly changed: readonly ProcessCounts[]
  /** Ended, and their counts are among those of process 0 now. */
  readonly gone: readonly Pick<ProcessCounts, 'tgid' | 'startTimeNs'>[]
}
