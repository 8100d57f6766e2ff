import { span, type Line } from '../views/line.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { renderTable } from '../views/table.js'
import { signs, type ViewOptions } from '../views/view-options.js'
import { textWidth } from '../views/width.js'
import { valueOf } from '../views/rows.js'
import { withList, type ShownList } from './lists.js'
import type { ScreenState } from './state.js'
import type { Pane } from './views.js'

/** Rule, titles and rows of one list: exactly `rows` lines. */
export function listPane(
  pane: Pane,
  snapshot: LiveSnapshot,
  state: ScreenState,
  rows: number,
  options: ViewOptions,
): readonly Line[] {
  return withList(pane, snapshot, state, options, (list) => {
    const lines =
      list.rows.length === 0
        ? [[span(`  ${list.empty}`, 'dim')]]
        : tableLines(list, pane, state, rows - 2, options)
    return [ruleLine(list.title, pane, state, options), ...lines, ...blank(rows - 1 - lines.length)]
  })
}

function tableLines<Row>(
  list: ShownList<Row>,
  pane: Pane,
  state: ScreenState,
  height: number,
  options: ViewOptions,
): readonly Line[] {
  const { cut, down, up } = signs(options.charset)
  const part = window(list.rows, state.cursor[pane], height)
  const order = state.orders[pane]
  const column = list.columns.find(({ id }) => id === order?.column)
  const isFalling = column !== undefined && typeof valueOf(column, list.rows[0]) === 'number'
  return renderTable(list.columns, part.rows, {
    width: options.width,
    sortMark: isFalling === (order?.direction === 'natural') ? down : up,
    cutMark: cut,
    ...(order === undefined ? {} : { sortedBy: order.column }),
    ...(state.pane === pane ? { selected: part.cursor } : {}),
  })
}

/** The part of `all` that shows the row under the cursor, and where in it the cursor is. */
function window<Row>(
  all: readonly Row[],
  cursor: number,
  height: number,
): { rows: readonly Row[]; cursor: number } {
  const at = Math.min(cursor, Math.max(0, all.length - 1))
  const from = Math.max(0, at - Math.max(1, height) + 1)
  return { rows: all.slice(from, from + Math.max(0, height)), cursor: at - from }
}

function blank(rows: number): readonly Line[] {
  return Array.from({ length: Math.max(0, rows) }, () => [])
}

/** The line above a list; a sign says which list has the cursor. */
export function ruleLine(title: string, pane: Pane, state: ScreenState, options: ViewOptions): Line {
  const { rule, cursor } = signs(options.charset)
  const focused = state.pane === pane
  const start = `${focused ? cursor : rule}${rule} `
  const rest = Math.max(0, options.width - textWidth(start + title) - 1)
  return [
    span(start, focused ? 'title' : 'dim'),
    span(title, focused ? 'title' : 'plain'),
    span(' ' + rule.repeat(rest), 'dim'),
  ]
}
