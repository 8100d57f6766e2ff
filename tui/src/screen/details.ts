import type { Line } from '../views/line.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import type { ViewOptions } from '../views/view-options.js'
import { ruleLine } from './list-pane.js'
import { withList } from './lists.js'
import type { ScreenState } from './state.js'

/** All about the row under the cursor, from the line that was scrolled to. */
export function detailPane(
  snapshot: LiveSnapshot,
  state: ScreenState,
  rows: number,
  options: ViewOptions,
): readonly Line[] {
  const lines = detailLines(snapshot, state, options)
  const from = Math.min(state.scrolled, Math.max(0, lines.length - rows + 1))
  const more = lines.length - from - (rows - 1)
  const title = more > 0 ? `Esc goes back; ${more} more lines below` : 'Esc goes back'
  return [ruleLine(title, state.pane, state, options), ...lines.slice(from, from + Math.max(0, rows - 1))]
}

/** The same without its frame; nothing where the row has no more to say than its line. */
export function detailLines(
  snapshot: LiveSnapshot,
  state: ScreenState,
  options: ViewOptions,
): readonly Line[] {
  return withList(state.pane, snapshot, state, options, (list) => {
    const row = list.rows.at(Math.min(state.cursor[state.pane], list.rows.length - 1))
    return row === undefined ? [] : list.detail(row)
  })
}

/** The row under the cursor as one line of all its columns, for the clipboard; empty where there is none. */
export function rowText(snapshot: LiveSnapshot, state: ScreenState, options: ViewOptions): string {
  return withList(state.pane, snapshot, state, options, (list) => {
    const row = list.rows.at(Math.min(state.cursor[state.pane], list.rows.length - 1))
    if (row === undefined) return ''
    return list.columns.map((column) => column.text(row)).join('  ')
  })
}

/** What keys may move and sort by: rows of each list on the screen, lines of the open detail, columns of the list with the cursor. */
export interface Extent {
  readonly rows: number
  readonly detail: number
  readonly columns: readonly string[]
}

export function extentOf(snapshot: LiveSnapshot, state: ScreenState, options: ViewOptions): Extent {
  return withList(state.pane, snapshot, state, options, (list) => ({
    rows: list.rows.length,
    detail: state.overlay === 'detail' ? detailLines(snapshot, state, options).length : 0,
    columns: list.columns.map(({ id }) => id),
  }))
}
