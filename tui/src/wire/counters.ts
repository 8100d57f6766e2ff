import { COUNTER_NAMES, type CounterName, type Counts, type CountersSnapshot } from '../model/counts.js'
import { DecodeError } from './cursor.js'
import './numbers.js'
import { cowpath } from './generated/cowpath.js'
import { commOf, reading, whole } from './messages.js'

const { v1 } = cowpath

/** What is counted, by name. */
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
} as const satisfies Readonly<Record<CounterName, number>>

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
    Object.fromEntries(
      COUNTER_NAMES.map((name) => [name, whole(value(columns.get(COUNTERS[name])) ?? 0)]),
    ) as Counts // of all names
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
