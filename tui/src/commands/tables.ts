import { plainText, type Line } from '../views/line.js'
import { renderTable, type Column } from '../views/table.js'
import { signs } from '../views/view-options.js'
import { printLine } from './output.js'
import { outputOptions } from './reading.js'

interface TableWords {
  /** Id of the column by which the rows are sorted. */
  readonly sortedBy?: string
  /** Said where there are no rows. */
  readonly empty: string
}

/** Prints rows as a table that fits the terminal, or the words for none. */
export function printTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { sortedBy, empty }: TableWords,
): void {
  if (rows.length === 0) {
    printLine(empty)
    return
  }
  const { width, charset } = outputOptions(process.env)
  const { cut, down } = signs(charset)
  const sort = sortedBy === undefined ? {} : { sortedBy }
  printLines(renderTable(columns, rows, { width, ...sort, sortMark: down, cutMark: cut }))
}

export function printLines(lines: readonly Line[]): void {
  for (const line of lines) printLine(plainText(line).trimEnd())
}
