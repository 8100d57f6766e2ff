import type { Line } from './line.js'
import type { ProcessRow } from './live-snapshot.js'
import { printable } from './printable.js'
import { renderTable, type Column } from './table.js'
import { bytes, count } from './units.js'
import { signs, type ViewOptions } from './view-options.js'

/** By what the process list can be sorted, in the order in which `s` goes through them. */
export const PROCESS_SORTS = ['copied', 'copies', 'reuses', 'forks', 'faults', 'pid', 'comm'] as const
export type ProcessSort = (typeof PROCESS_SORTS)[number]

export interface ProcessesOptions extends ViewOptions {
  readonly sort: ProcessSort
  readonly direction: Direction
  /** Index of the row under the cursor, among those given. */
  readonly selected?: number
}

/** Which way round: numbers begin with the greatest and names with A, or the other way. */
export type Direction = 'natural' | 'reversed'

/** Processes that did anything, in the order asked for; equals by pid, so that rows do not jump. */
export function sortProcesses(
  processes: readonly ProcessRow[],
  sort: ProcessSort,
  direction: Direction,
): readonly ProcessRow[] {
  const sign = direction === 'natural' ? 1 : -1
  return processes
    .filter((process) => process.events > 0)
    .sort((a, b) => sign * compare(a, b, sort) || a.tgid - b.tgid)
}

function compare(a: ProcessRow, b: ProcessRow, sort: ProcessSort): number {
  switch (sort) {
    case 'comm':
      return a.comm < b.comm ? -1 : a.comm > b.comm ? 1 : 0
    case 'pid':
      return a.tgid - b.tgid
    case 'copied':
      return b.copiedBytes - a.copiedBytes
    case 'copies':
    case 'reuses':
    case 'forks':
    case 'faults':
      return b[sort] - a[sort]
  }
}

/** Title line and one line a process. */
export function processLines(rows: readonly ProcessRow[], options: ProcessesOptions): readonly Line[] {
  const { cut, down, up } = signs(options.charset)
  const falling = isNumber(options.sort) === (options.direction === 'natural')
  return renderTable(columns(options), rows, {
    width: options.width,
    sortedBy: options.sort,
    sortMark: falling ? down : up,
    cutMark: cut,
    ...(options.selected === undefined ? {} : { selected: options.selected }),
  })
}

function isNumber(sort: ProcessSort): boolean {
  return sort !== 'comm' && sort !== 'pid'
}

function columns({ charset }: ViewOptions): readonly Column<ProcessRow>[] {
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
    number('pid', 'pid', 8, (row) => row.tgid.toString()),
    number('copied', 'copied', 10, (row) => bytes(row.copiedBytes)),
    number('copies', 'copies', 10, (row) => count(row.copies)),
    number('reuses', 'reuses', 10, (row) => count(row.reuses)),
    number('forks', 'forks', 8, (row) => count(row.forks)),
    { ...number('faults', 'faults', 11, (row) => count(row.faults)), dropOrder: 1 },
  ]
}

function number(
  id: ProcessSort,
  title: string,
  width: number,
  text: (row: ProcessRow) => string,
): Column<ProcessRow> {
  return { id, title, align: 'right', width, grow: 0, dropOrder: 0, text }
}
