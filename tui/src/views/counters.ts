import { printable } from './printable.js'
import type { Column } from './table.js'
import { bytes, count } from './units.js'

export const COUNTER_ORDERS = ['copies', 'bytes', 'faults', 'pins', 'swap', 'huge', 'moves'] as const
export type CounterOrder = (typeof COUNTER_ORDERS)[number]

/** What one process did since its agent attached; a row of `cowpath counters`. */
export interface CountedProcess {
  readonly tgid: number
  /** Any bytes: never printed unescaped. */
  readonly comm: string
  readonly start_ns: number
  readonly ended: boolean
  readonly faults: number
  readonly huge_faults: number
  readonly hugetlb_faults: number
  readonly copies: number
  readonly unshares: number
  readonly reuses: number
  readonly copied_bytes: number
  readonly forks: number
  readonly fork_vmas: number
  readonly execs: number
  readonly unmaps: number
  readonly gups: number
  readonly gup_pages: number
  readonly pins_taken: number
  readonly pins_returned: number
  readonly swap_outs: number
  readonly swap_ins: number
  readonly ksm_merges: number
  readonly pmd_splits: number
  readonly folio_splits: number
  readonly collapses: number
  readonly migrations: number
  readonly pins_outstanding: number
}

const SORTED_BY: Readonly<Record<CounterOrder, (row: CountedProcess) => number>> = {
  copies: (row) => row.copies + row.unshares,
  bytes: (row) => row.copied_bytes,
  faults: allFaults,
  pins: (row) => row.pins_outstanding,
  swap: (row) => row.swap_outs + row.swap_ins,
  huge,
  moves,
}

/** The first `limit` processes by one of their counts, those that did something; equal ones by pid. */
export function topCounted(
  rows: readonly CountedProcess[],
  order: CounterOrder,
  limit: number,
): readonly CountedProcess[] {
  const value = SORTED_BY[order]
  return rows
    .filter(
      (row) =>
        allFaults(row) +
          row.forks +
          row.execs +
          row.gups +
          row.swap_outs +
          row.swap_ins +
          huge(row) +
          moves(row) >
        0,
    )
    .sort((a, b) => value(b) - value(a) || a.tgid - b.tgid)
    .slice(0, limit)
}

export const COUNTED_COLUMNS: readonly Column<CountedProcess>[] = [
  {
    id: 'pid',
    title: 'PID',
    align: 'right',
    width: 7,
    grow: 0,
    dropOrder: 0,
    text: (row) => String(row.tgid),
  },
  {
    id: 'comm',
    title: 'PROCESS',
    align: 'left',
    width: 15,
    grow: 0,
    dropOrder: 0,
    text: (row) => printable(row.comm),
    role: (row) => (row.ended ? 'dim' : 'plain'),
  },
  number('copies', 'COPIES', 9, 0, (row) => count(row.copies + row.unshares)),
  number('bytes', 'COPIED', 9, 0, (row) => bytes(row.copied_bytes)),
  number('faults', 'FAULTS', 9, 0, (row) => count(allFaults(row))),
  number('reuses', 'REUSES', 9, 1, (row) => count(row.reuses)),
  number('forks', 'FORKS', 6, 3, (row) => count(row.forks)),
  number('gup_pages', 'GUP PAGES', 10, 2, (row) => count(row.gup_pages)),
  number('swap', 'SWAP OUT/IN', 13, 5, (row) => `${count(row.swap_outs)}/${count(row.swap_ins)}`),
  number(
    'huge',
    'SPLIT/MADE',
    11,
    6,
    (row) => `${count(row.pmd_splits + row.folio_splits)}/${count(row.collapses)}`,
  ),
  number('moves', 'MOVED', 7, 7, (row) => count(moves(row))),
  number('pins', 'PINS', 8, 0, (row) => count(row.pins_outstanding)),
  {
    id: 'state',
    title: 'STATE',
    align: 'left',
    width: 5,
    grow: 0,
    dropOrder: 4,
    text: (row) => (row.ended ? 'ended' : ''),
  },
]

/** What changed how huge pages are mapped, or whether they are. */
function huge(row: CountedProcess): number {
  return row.pmd_splits + row.folio_splits + row.collapses
}

/** What gave slots another frame without a write: KSM and migration. */
function moves(row: CountedProcess): number {
  return row.ksm_merges + row.migrations
}

/** Write-protect faults of pages of every size. */
function allFaults(row: CountedProcess): number {
  return row.faults + row.huge_faults + row.hugetlb_faults
}

function number(
  id: string,
  title: string,
  width: number,
  dropOrder: number,
  text: (row: CountedProcess) => string,
): Column<CountedProcess> {
  return { id, title, align: 'right', width, grow: 0, dropOrder, text }
}
