import type { Column } from './table.js'

/** Which way round: numbers begin with the greatest and words with A, or the other way. */
export type Direction = 'natural' | 'reversed'

export interface Order {
  /** A column's id. */
  readonly column: string
  readonly direction: Direction
}

/** What a column sorts and filters by. */
export function valueOf<Row>(column: Column<Row>, row: Row): number | string {
  return column.value?.(row) ?? column.text(row)
}

/** A copy in that order; rows that are equal keep theirs. A column that is not there changes nothing. */
export function sortRows<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { column: id, direction }: Order,
): readonly Row[] {
  const column = columns.find((candidate) => candidate.id === id)
  if (column === undefined) return rows
  const sign = direction === 'natural' ? 1 : -1
  return [...rows].sort((a, b) => sign * compare(valueOf(column, a), valueOf(column, b)))
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return b - a
  const [left, right] = [String(a), String(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
