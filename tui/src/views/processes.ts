import { commColumn, numberColumn } from './columns.js'
import type { ProcessRow } from './live-snapshot.js'
import type { Column } from './table.js'
import { bytes } from './units.js'
import type { ViewOptions } from './view-options.js'

/** Processes that did anything, the greatest copier first; equals by pid, so that rows do not jump. */
export function busiest(processes: readonly ProcessRow[]): readonly ProcessRow[] {
  return processes
    .filter((process) => process.events > 0)
    .sort((a, b) => b.copiedBytes - a.copiedBytes || a.tgid - b.tgid)
}

export function processColumns(options: ViewOptions): readonly Column<ProcessRow>[] {
  return [
    { ...commColumn(options), width: 15 },
    numberColumn('pid', 8, (row) => row.tgid, { text: (row) => row.tgid.toString() }),
    numberColumn('copied', 10, (row) => row.copiedBytes, { text: (row) => bytes(row.copiedBytes) }),
    numberColumn('copies', 10, (row) => row.copies),
    numberColumn('reuses', 10, (row) => row.reuses),
    numberColumn('forks', 8, (row) => row.forks),
    numberColumn('faults', 11, (row) => row.faults, { dropOrder: 1 }),
  ]
}
