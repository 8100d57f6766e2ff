import type { LiveSnapshot } from '../views/live-snapshot.js'
import { PROCESS_SORTS, type Direction, type ProcessSort } from '../views/processes.js'

export type Pane = 'processes' | 'latest'

/** All that the keys change. The numbers themselves are in the snapshot. */
export interface ScreenState {
  readonly pane: Pane
  readonly sort: ProcessSort
  readonly direction: Direction
  readonly cursor: Readonly<Record<Pane, number>>
  readonly overlay: 'none' | 'help'
  /** What was on the screen when it was paused; null: live. */
  readonly frozen: LiveSnapshot | null
  readonly refreshMs: number
}

export type Action =
  | {
      readonly do: 'quit' | 'suspend' | 'help' | 'back' | 'pause' | 'next-pane' | 'next-sort' | 'reverse-sort'
    }
  | { readonly do: 'faster' | 'slower' }
  | { readonly do: 'move'; readonly rows: number }

/** Refresh intervals in ms that + and - go through. */
export const REFRESH_MS = [100, 250, 500, 1000, 2000, 5000] as const

export const INITIAL_STATE: ScreenState = {
  pane: 'processes',
  sort: 'copied',
  direction: 'natural',
  cursor: { processes: 0, latest: 0 },
  overlay: 'none',
  frozen: null,
  refreshMs: 500,
}

/** How many rows each pane has now; the cursor stays among them. */
export type RowCounts = Readonly<Record<Pane, number>>

/** The state after a key. `current` is the snapshot on the screen: what pausing freezes. */
export function act(state: ScreenState, action: Action, current: LiveSnapshot, rows: RowCounts): ScreenState {
  switch (action.do) {
    case 'help':
      return { ...state, overlay: state.overlay === 'help' ? 'none' : 'help' }
    case 'back':
      return { ...state, overlay: 'none' }
    case 'pause':
      return { ...state, frozen: state.frozen === null ? current : null }
    case 'next-pane':
      return { ...state, pane: state.pane === 'processes' ? 'latest' : 'processes' }
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
      const last = Math.max(0, rows[state.pane] - 1)
      const moved = Math.min(last, Math.max(0, Math.min(last, state.cursor[state.pane]) + action.rows))
      return { ...state, cursor: { ...state.cursor, [state.pane]: moved } }
    }
    case 'quit':
    case 'suspend':
      return state
  }
}

function refreshStep(state: ScreenState): number {
  return REFRESH_MS.findIndex((ms) => ms >= state.refreshMs)
}
