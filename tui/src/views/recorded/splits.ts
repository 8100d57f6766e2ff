import type { Column } from '../table.js'
import { commColumn, countColumn, numberText, pidColumn, textColumn } from './columns.js'

/** Huge pages of a process that were split or made; a row of db/queries/splits.sql. */
export interface SplitCounts {
  readonly tgid: number
  readonly comm: string | null
  readonly pmd_splits: number
  readonly folio_splits: number
  readonly folio_splits_refused: number
  readonly collapses: number
  readonly collapses_refused: number
}

/** The same kind of split by the same process for the same reason. */
export interface SplitCause {
  readonly what: 'pmd-split' | 'folio-split' | 'folio-split refused'
  /** 0: no process of its own, the kernel did it. */
  readonly tgid: number
  /** The function that asked, by the kernel's stack; null: no stack was taken. */
  readonly cause: string | null
  /** Folio order before and after; null for a PMD split, which leaves the folio as it is. */
  readonly from_order: number | null
  readonly to_order: number | null
  /** Why the kernel refused (errno); null: it did not. */
  readonly errno: number | null
  readonly count: number
}

export const SPLIT_COLUMNS: readonly Column<SplitCounts>[] = [
  pidColumn((row) => row.tgid),
  commColumn(4, (row) => row.comm),
  countColumn('pmd', 'PMD SPLITS', 0, (row) => row.pmd_splits),
  countColumn('folio', 'FOLIOS', 0, (row) => row.folio_splits),
  countColumn('refused', 'REFUSED', 1, (row) => row.folio_splits_refused),
  countColumn('collapses', 'COLLAPSES', 2, (row) => row.collapses),
  countColumn('failed', 'FAILED', 3, (row) => row.collapses_refused),
]

export const SPLIT_CAUSE_COLUMNS: readonly Column<SplitCause>[] = [
  textColumn('what', 'WHAT', { width: 20 }, (row) => row.what),
  pidColumn((row) => row.tgid),
  textColumn('cause', 'CAUSE', { width: 24, grow: 1 }, (row) => row.cause),
  textColumn('order', 'ORDER', { width: 8, dropOrder: 2 }, orderText),
  textColumn('errno', 'ERRNO', { width: 5, dropOrder: 1 }, (row) => numberText(row.errno)),
  countColumn('count', 'COUNT', 0, (row) => row.count),
]

function orderText({ from_order, to_order }: SplitCause): string | null {
  if (from_order === null) return null
  return to_order === null ? String(from_order) : `${from_order} > ${to_order}`
}
