import type { ProcessRow } from './live-snapshot.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import { bytes, count } from './units.js'
import type { ViewOptions } from './view-options.js'

/** Processes that did anything, the greatest copier first; equals by pid, so that rows do not jump. */
export function busiest(processes: readonly ProcessRow[]): readonly ProcessRow[] {
  return processes
    .filter((process) => process.events > 0)
    .sort((a, b) => b.copiedBytes - a.copiedBytes || a.tgid - b.tgid)
}

export function processColumns({ charset }: ViewOptions): readonly Column<ProcessRow>[] {
  return [
    {
      id: 'comm',
      title: 'comm',
      align: 'left',
      width: 15,
      grow: 1,
      most: 24,
      dropOrder: 0,
      text: (row) => (row.comm === '' ? '?' : printable(row.comm, charset)),
    },
    { ...number('pid', 8, (row) => row.tgid), text: (row) => row.tgid.toString() },
    { ...number('copied', 10, (row) => row.copiedBytes), text: (row) => bytes(row.copiedBytes) },
    number('copies', 10, (row) => row.copies),
    number('reuses', 10, (row) => row.reuses),
    number('forks', 8, (row) => row.forks),
    { ...number('faults', 11, (row) => row.faults), dropOrder: 1 },
  ]
}

function number(id: string, width: number, value: (row: ProcessRow) => number): Column<ProcessRow> {
  return {
    id,
    title: id,
    align: 'right',
    width,
    grow: 0,
    dropOrder: 0,
    value,
    text: (row) => count(value(row)),
  }
}
