import { DecodeError } from './cursor.js'
import './numbers.js'
import { cowpath } from './generated/cowpath.js'
import { commOf, reading, whole } from './messages.js'

const { v1 } = cowpath

/** What is counted, by the names that `--json` has. Meaning and units: `Counter` of proto/cowpath/v1/agent.proto. */
export const COUNTERS = {
  faults: v1.Counter.COUNTER_FAULT,
  huge_faults: v1.Counter.COUNTER_HUGE_FAULT,
  hugetlb_faults: v1.Counter.COUNTER_HUGETLB_FAULT,
  copies: v1.Counter.COUNTER_COPY,
  unshares: v1.Counter.COUNTER_UNSHARE,
  reuses: v1.Counter.COUNTER_REUSE,
  copied_bytes: v1.Counter.COUNTER_BYTES_COPIED,
  forks: v1.Counter.COUNTER_FORK,
  fork_vmas: v1.Counter.COUNTER_FORK_VMA,
  execs: v1.Counter.COUNTER_EXEC,
  unmaps: v1.Counter.COUNTER_UNMAP,
  gups: v1.Counter.COUNTER_GUP,
  gup_pages: v1.Counter.COUNTER_GUP_PAGES,
  pins_taken: v1.Counter.COUNTER_PIN_TAKEN,
  pins_returned: v1.Counter.COUNTER_PIN_RETURNED,
  swap_outs: v1.Counter.COUNTER_SWAP_OUT,
  swap_ins: v1.Counter.COUNTER_SWAP_IN,
  ksm_merges: v1.Counter.COUNTER_KSM_MERGE,
  pmd_splits: v1.Counter.COUNTER_PMD_SPLIT,
  folio_splits: v1.Counter.COUNTER_FOLIO_SPLIT,
  collapses: v1.Counter.COUNTER_COLLAPSE,
  migrations: v1.Counter.COUNTER_MIGRATE,
} as const

export type CounterName = keyof typeof COUNTERS
export type Counts = Readonly<Record<CounterName, number>>

const NAMES = Object.keys(COUNTERS) as readonly CounterName[] // by their type

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

/** Reads one CountersResponse. A counter that an older agent does not keep is 0. Throws only DecodeError. */
export function decodeCounters(bytes: Uint8Array): CountersSnapshot {
  const response = reading(() => v1.CountersResponse.decode(bytes))
  const { tgid, startTimeNs, comm, ended } = response
  const columns = new Map(response.columns.map((column) => [column.counter ?? 0, column]))
  for (const values of [startTimeNs, comm, ended, ...response.columns.map((column) => column.values ?? [])])
    if (values.length !== tgid.length)
      throw new DecodeError(`a column of counters has ${values.length} values for ${tgid.length} processes`)
  const countsBy = (
    value: (column: cowpath.v1.CounterColumn.$Properties | undefined) => number | null | undefined,
  ) =>
    Object.fromEntries(NAMES.map((name) => [name, whole(value(columns.get(COUNTERS[name])) ?? 0)])) as Counts // of all names
  return {
    timeNs: whole(response.timeNs),
    processes: tgid.map((each, i) => ({
      tgid: each,
      startTimeNs: whole(startTimeNs[i]),
      comm: commOf(comm[i]),
      ended: ended[i],
      counts: countsBy((column) => column?.values?.[i]),
    })),
    other: countsBy((column) => column?.other),
    evicted: whole(response.evicted),
    crowded: whole(response.crowded),
  }
}
