import { span, type Line, type Role } from './line.js'
import { fit, textWidth } from './width.js'

/** One column: what it shows, and how it behaves when there is little room. */
export interface Column<Row> {
  readonly id: string
  readonly title: string
  readonly align: 'left' | 'right'
  /** Cells that the column needs to be of use. */
  readonly width: number
  /** Share of the room that is left when all shown columns have their width; 0 keeps it as it is. */
  readonly grow: number
  /** Cells above which the column would only hold blanks. */
  readonly most?: number
  /** The column with the greatest number is left out first when the table is too wide; 0 is never left out. */
  readonly dropOrder: number
  readonly text: (row: Row) => string
  /** What it sorts and filters by; without it, the text. */
  readonly value?: (row: Row) => number | string
  readonly role?: (row: Row) => Role
}

export interface TableOptions {
  readonly width: number
  /** Id of the column by which the rows are sorted, marked in its title. */
  readonly sortedBy?: string
  /** Index of the row under the cursor. */
  readonly selected?: number
  readonly sortMark: string
  readonly cutMark: string
}

const GAP = 1

/** Columns that fit `width` cells with the cells that each gets, in their order. */
export function layoutColumns<Row>(
  columns: readonly Column<Row>[],
  width: number,
): readonly { readonly column: Column<Row>; readonly cells: number }[] {
  const shown = [...columns]
  const needed = () => shown.reduce((sum, column) => sum + column.width + GAP, -GAP)
  while (needed() > width) {
    const dropped = shown.reduce((worst, column) => (column.dropOrder > worst.dropOrder ? column : worst))
    if (dropped.dropOrder === 0) break
    shown.splice(shown.indexOf(dropped), 1)
  }
  const spare = Math.max(0, width - needed())
  const grow = shown.reduce((sum, column) => sum + column.grow, 0)
  return shown.map((column) => ({
    column,
    cells: Math.min(
      column.most ?? width,
      column.width + (grow === 0 ? 0 : Math.floor((spare * column.grow) / grow)),
    ),
  }))
}

/** Title line and one line a row, each exactly `width` cells. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): readonly Line[] {
  const layout = layoutColumns(columns, options.width)
  const title = layout.map(({ column, cells }) => {
    const sorted = column.id === options.sortedBy
    return fit(sorted ? column.title + options.sortMark : column.title, cells, column.align, options.cutMark)
  })
  const lines: Line[] = [[span(fit(title.join(' '), options.width, 'left', options.cutMark), 'title')]]
  rows.forEach((row, index) => {
    lines.push(rowLine(layout, row, options, index === options.selected))
  })
  return lines
}

function rowLine<Row>(
  layout: readonly { readonly column: Column<Row>; readonly cells: number }[],
  row: Row,
  options: TableOptions,
  selected: boolean,
): Line {
  const spans = layout.map(({ column, cells }, index) => {
    const text = fit(column.text(row), cells, column.align, options.cutMark)
    const role = selected ? 'selected' : (column.role?.(row) ?? 'plain')
    return span(index === 0 ? text : ' ' + text, role)
  })
  const used = spans.reduce((sum, part) => sum + textWidth(part.text), 0)
  return clipLine(
    [...spans, span(' '.repeat(Math.max(0, options.width - used)), selected ? 'selected' : 'plain')],
    options,
  )
}

/** A line cut to `width` cells, roles kept. */
export function clipLine(line: Line, options: { readonly width: number; readonly cutMark: string }): Line {
  const out = []
  let left = options.width
  for (const part of line) {
    const width = textWidth(part.text)
    if (width <= left) {
      out.push(part)
      left -= width
    } else {
      out.push(span(fit(part.text, left, 'left', options.cutMark), part.role))
      break
    }
  }
  return out
}
