import type { LiveSnapshot } from '../views/live-snapshot.js'
import { PROCESS_SORTS, type Direction, type ProcessSort } from '../views/processes.js'
import { PANES, PANES_OF, PANES_WITH_DETAIL, VIEWS, type Pane, type ViewId } from './views.js'

/** All that the keys change. The numbers themselves are in the snapshot. */
export interface ScreenState {
  readonly view: ViewId
  readonly pane: Pane
  readonly sort: ProcessSort
  readonly direction: Direction
  readonly cursor: Readonly<Record<Pane, number>>
  /** `detail`: all about the row under the cursor, in place of the lists. */
  readonly overlay: 'none' | 'help' | 'detail'
  /** Lines of the detail that are above the screen. */
  readonly scrolled: number
  /** What was on the screen when it was paused; null: live. */
  readonly frozen: LiveSnapshot | null
  readonly refreshMs: number
}

export type Action =
  | {
      readonly do: 'quit' | 'suspend' | 'help' | 'back' | 'pause' | 'next-pane' | 'next-sort' | 'reverse-sort'
    }
  | { readonly do: 'faster' | 'slower' | 'detail' }
  | { readonly do: 'view'; readonly view: ViewId }
  | { readonly do: 'turn'; readonly views: number }
  | { readonly do: 'move'; readonly rows: number }

/** Refresh intervals in ms that + and - go through. */
export const REFRESH_MS = [100, 250, 500, 1000, 2000, 5000] as const

export const INITIAL_STATE: ScreenState = {
  view: 'overview',
  pane: 'processes',
  sort: 'copied',
  direction: 'natural',
  cursor: Object.fromEntries(PANES.map((pane) => [pane, 0])) as Record<Pane, number>, // all of them
  overlay: 'none',
  scrolled: 0,
  frozen: null,
  refreshMs: 500,
}

/** How many rows each list has now, and lines the open detail: the cursor stays among them. */
export type RowCounts = Readonly<Record<Pane | 'detail', number>>

/** The state after a key. `current` is the snapshot on the screen: what pausing freezes. */
export function act(state: ScreenState, action: Action, current: LiveSnapshot, rows: RowCounts): ScreenState {
  switch (action.do) {
    case 'help':
      return { ...state, overlay: state.overlay === 'help' ? 'none' : 'help' }
    case 'back':
      return { ...state, overlay: 'none' }
    case 'pause':
      return { ...state, frozen: state.frozen === null ? current : null }
    case 'next-pane': {
      const panes = PANES_OF[state.view]
      return { ...state, overlay: 'none', pane: panes[(panes.indexOf(state.pane) + 1) % panes.length] }
    }
    case 'view':
      return opened(state, action.view)
    case 'turn':
      return opened(state, VIEWS[(VIEWS.indexOf(state.view) + action.views + VIEWS.length) % VIEWS.length])
    case 'detail': {
      const hasDetail = PANES_WITH_DETAIL.includes(state.pane) && rows[state.pane] > 0
      return hasDetail ? { ...state, overlay: 'detail', scrolled: 0 } : state
    }
    case 'next-sort': {
      const next = (PROCESS_SORTS.indexOf(state.sort) + 1) % PROCESS_SORTS.length
      return { ...state, sort: PROCESS_SORTS[next], direction: 'natural' }
    }
    case 'reverse-sort':
      return { ...state, direction: state.direction === 'natural' ? 'reversed' : 'natural' }
    case 'faster':
      return { ...state, refreshMs: REFRESH_MS[Math.max(0, refreshStep(state) - 1)] }
    case 'slower':
      return { ...state, refreshMs: REFRESH_MS[Math.min(REFRESH_MS.length - 1, refreshStep(state) + 1)] }
    case 'move': {
      if (state.overlay === 'detail') {
        const lowest = Math.max(0, rows.detail - 1)
        return { ...state, scrolled: Math.min(lowest, Math.max(0, state.scrolled + action.rows)) }
      }
      const last = Math.max(0, rows[state.pane] - 1)
      const moved = Math.min(last, Math.max(0, Math.min(last, state.cursor[state.pane]) + action.rows))
      return { ...state, cursor: { ...state.cursor, [state.pane]: moved } }
    }
    case 'quit':
    case 'suspend':
      return state
  }
}

function opened(state: ScreenState, view: ViewId): ScreenState {
  return { ...state, view, pane: PANES_OF[view][0], overlay: 'none' }
}

function refreshStep(state: ScreenState): number {
  return REFRESH_MS.findIndex((ms) => ms >= state.refreshMs)
}
