import type { Column } from '../table.js'
import { bytes, duration } from '../units.js'
import { commColumn, countColumn, numberColumn, pidColumn, timeText } from './columns.js'

/** A fork and what it cost while the child lived; a row of db/queries/forks.sql. */
export interface ForkCost {
  readonly fork: number
  readonly parent_tgid: number
  readonly comm: string | null
  readonly child_tgid: number
  readonly at_ns: number
  /** null: the child still lived at the end of the recording. */
  readonly ended_ns: number | null
  readonly parent_copies: number
  readonly child_copies: number
  /** Of the child's: made by fork itself, because the page may have been pinned. */
  readonly early: number
  readonly bytes: number
}

export const FORK_COLUMNS: readonly Column<ForkCost>[] = [
  pidColumn((row) => row.parent_tgid),
  commColumn(3, (row) => row.comm),
  numberColumn('child', 'CHILD', { width: 7 }, (row) => String(row.child_tgid)),
  numberColumn('at', 'FORKED AT S', { width: 14, dropOrder: 2 }, (row) => timeText(row.at_ns)),
  numberColumn('lived', 'CHILD LIVED', { width: 11, dropOrder: 4 }, (row) =>
    row.ended_ns === null ? 'still' : duration(Math.max(0, row.ended_ns - row.at_ns)),
  ),
  countColumn('parent', 'BY PARENT', 0, (row) => row.parent_copies),
  countColumn('children', 'BY CHILD', 0, (row) => row.child_copies),
  countColumn('early', 'AT FORK', 5, (row) => row.early),
  numberColumn('bytes', 'COPIED', { width: 10 }, (row) => bytes(row.bytes)),
]
