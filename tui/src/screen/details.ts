import type { Line } from '../views/line.js'
import type { ViewOptions } from '../views/view-options.js'
import { ruleLine } from './list-pane.js'
import { withList, type Shown } from './lists.js'
import type { ScreenState } from './state.js'

/** All about the row under the cursor, from the line that was scrolled to. */
export function detailPane(
  snapshot: Shown,
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
export function detailLines(snapshot: Shown, state: ScreenState, options: ViewOptions): readonly Line[] {
  return withList(state.pane, snapshot, state, options, ({ chosen, detail }) =>
    chosen === undefined ? [] : detail(chosen),
  )
}

/** The row under the cursor, or of the open detail, as one line of all its columns, for the clipboard; empty where there is none. */
export function rowText(snapshot: Shown, state: ScreenState, options: ViewOptions): string {
  return withList(state.pane, snapshot, state, options, ({ chosen, columns }) =>
    chosen === undefined ? '' : columns.map((column) => column.text(chosen)).join('  '),
  )
}

/** The page that the row under the cursor, or of the open detail, is about; undefined: it is about none. */
export function pageUnderCursor(
  snapshot: Shown,
  state: ScreenState,
  options: ViewOptions,
): { readonly tgid: number; readonly vpn: number } | undefined {
  return withList(state.pane, snapshot, state, options, ({ chosen }) => {
    const row: unknown = chosen
    const isOfPage = typeof row === 'object' && row !== null && 'vpn' in row && 'tgid' in row
    if (!isOfPage || typeof row.vpn !== 'number' || typeof row.tgid !== 'number') return undefined
    return { tgid: row.tgid, vpn: row.vpn }
  })
}

/** What keys may move and sort by: rows of each list on the screen, lines of the open detail, columns of the list with the cursor. */
export interface Extent {
  readonly rows: number
  readonly detail: number
  readonly columns: readonly string[]
  /** What Enter opens. */
  readonly chosen?: { readonly id: string; readonly row: unknown }
}

export function extentOf(snapshot: Shown, state: ScreenState, options: ViewOptions): Extent {
  return withList(state.pane, snapshot, state, options, (list) => ({
    rows: list.rows.length,
    detail: state.overlay === 'detail' ? detailLines(snapshot, state, options).length : 0,
    columns: list.columns.map(({ id }) => id),
    ...(list.chosen === undefined ? {} : { chosen: { id: list.id(list.chosen), row: list.chosen } }),
  }))
}
