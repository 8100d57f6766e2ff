import { span, type Line } from '../views/line.js'
import type { ViewOptions } from '../views/view-options.js'
import { ruleLine } from './list-pane.js'
import { withList, type Shown } from './lists.js'
import type { PageOfProcess, ScreenState } from './state.js'

/** All about the row under the cursor, or the open page, from the line that was scrolled to. */
export function detailPane(
  snapshot: Shown,
  state: ScreenState,
  rows: number,
  options: ViewOptions,
): readonly Line[] {
  const lines = detailLines(snapshot, state, options)
  const from = Math.min(state.scrolled, Math.max(0, lines.length - rows + 1))
  const more = lines.length - from - (rows - 1)
  const keys =
    state.overlay === 'detail' && state.pane === 'findings'
      ? 'Esc goes back, p opens its page'
      : 'Esc goes back'
  const title = more > 0 ? `${keys}; ${more} more lines below` : keys
  return [ruleLine(title, state.pane, state, options), ...lines.slice(from, from + Math.max(0, rows - 1))]
}

/** Whether lines of text are open in place of the lists. */
export function hasDetailLines({ overlay }: ScreenState): boolean {
  return overlay === 'detail' || overlay === 'page' || overlay === 'answer'
}

/** The same without its frame; nothing where the row has no more to say than its line. */
export function detailLines(snapshot: Shown, state: ScreenState, options: ViewOptions): readonly Line[] {
  if (state.overlay === 'page') return snapshot.page.map((line) => [span(line)])
  if (state.overlay === 'answer') return state.answer.map((line) => [span(line)])
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

/** What keys may move and sort by: rows of each list on the screen, lines of the open detail, columns of the list with the cursor. */
export interface Extent {
  readonly rows: number
  readonly detail: number
  readonly columns: readonly string[]
  /** The page that the row under the cursor, or of the open detail, is about. */
  readonly page?: PageOfProcess
  /** What Enter opens. */
  readonly chosen?: { readonly id: string; readonly row: unknown }
}

export function extentOf(snapshot: Shown, state: ScreenState, options: ViewOptions): Extent {
  const isOpen = hasDetailLines(state)
  return withList(state.pane, snapshot, state, options, ({ rows, columns, chosen, id, pageOf }) => {
    const page = chosen === undefined ? undefined : pageOf(chosen)
    return {
      rows: rows.length,
      detail: isOpen ? detailLines(snapshot, state, options).length : 0,
      columns: columns.map((column) => column.id),
      ...(chosen === undefined ? {} : { chosen: { id: id(chosen), row: chosen } }),
      ...(page === undefined ? {} : { page }),
    }
  })
}
