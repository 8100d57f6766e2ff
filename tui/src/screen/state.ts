import type { Filter } from '../views/filter.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import type { Order } from '../views/rows.js'
import type { ClientTarget } from '../views/target.js'
import type { Extent } from './details.js'
import type { Prompt, PromptKind } from './prompt.js'
import { openPrompt } from './prompt.js'
import { PANES, PANES_OF, PANES_OF_PAGES, PANES_WITH_DETAIL, VIEWS, type Pane, type ViewId } from './views.js'

/** All that the keys change. The numbers themselves are in the snapshot. */
export interface ScreenState {
  readonly view: ViewId
  readonly pane: Pane
  /** By what a list is sorted; without a word, as the view has it. */
  readonly orders: Readonly<Partial<Record<Pane, Order>>>
  readonly cursor: Readonly<Record<Pane, number>>
  readonly filter: Filter | null
  /** `detail`: all about the row under the cursor, `page`: the history of a page, `answer`: of a query, in place of the lists. */
  readonly overlay: 'none' | 'help' | 'detail' | 'page' | 'answer' | 'marks'
  /** The page that is open, and what is seen again when it is left. */
  readonly page: (PageOfProcess & { readonly above: 'none' | 'detail' }) | null
  /** Lines of the answer to the last query. */
  readonly answer: readonly string[]
  /** The row that the detail is about: others may overtake it meanwhile. */
  readonly subject: { readonly pane: Pane; readonly id: string; readonly row: unknown } | null
  /** Lines of the detail that are above the screen. */
  readonly scrolled: number
  /** What was on the screen when it was paused; null: live. */
  readonly frozen: LiveSnapshot | null
  readonly refreshMs: number
  /** The line that is being typed. */
  readonly prompt: Prompt | null
  readonly histories: Readonly<Record<PromptKind, readonly string[]>>
  /** What the last key or command came to, until the next. */
  readonly notice: string
  readonly marks: readonly Mark[]
  readonly markCursor: number
}

export interface PageOfProcess {
  readonly tgid: number
  readonly vpn: number
}

/** A place to come back to. */
export interface Mark {
  readonly view: ViewId
  readonly pane: Pane
  readonly row: number
  /** Host time when it was set. */
  readonly timeNs: number
  readonly text: string
}

export type Action =
  | {
      readonly do:
        | 'help'
        | 'back'
        | 'pause'
        | 'next-pane'
        | 'next-sort'
        | 'reverse-sort'
        | 'faster'
        | 'slower'
        | 'enter'
        | 'marks'
    }
  | { readonly do: 'view'; readonly view: ViewId }
  | { readonly do: 'turn'; readonly views: number }
  | { readonly do: 'move'; readonly rows: number }
  | { readonly do: 'prompt'; readonly kind: PromptKind }
  | { readonly do: 'sort'; readonly column: string }
  | { readonly do: 'filter'; readonly filter: Filter | null }
  | { readonly do: 'refresh'; readonly ms: number }
  | { readonly do: 'notice'; readonly text: string }
  | { readonly do: 'mark'; readonly text: string }
  /** null: the one that the row, or the open finding, is about. */
  | { readonly do: 'page'; readonly page: PageOfProcess | null }
  | { readonly do: 'rule'; readonly rule: string }
  | { readonly do: 'answer'; readonly lines: readonly string[] }
  | Effect

/** What is done outside of the state: by who holds the terminal, the files and the source. */
export type Effect =
  | { readonly do: 'quit' | 'suspend' | 'copy' }
  | { readonly do: 'save'; readonly file: string }
  | { readonly do: 'trace'; readonly target: ClientTarget }
  | { readonly do: 'sql'; readonly query: string }
  | { readonly do: 'step'; readonly seconds: number }
  | { readonly do: 'jump'; readonly seconds: number }
  | { readonly do: 'speed'; readonly times: number }
  | { readonly do: 'host'; readonly index: number }
  | { readonly do: 'turn-host'; readonly hosts: number }

/** Refresh intervals in ms that + and - go through. */
export const REFRESH_MS = [100, 250, 500, 1000, 2000, 5000] as const
const MARKS = 50

export const INITIAL_STATE: ScreenState = {
  view: 'overview',
  pane: 'processes',
  orders: { processes: { column: 'copied', direction: 'natural' } },
  cursor: Object.fromEntries(PANES.map((pane) => [pane, 0])) as Record<Pane, number>, // all of them
  filter: null,
  overlay: 'none',
  page: null,
  answer: [],
  subject: null,
  scrolled: 0,
  frozen: null,
  refreshMs: 500,
  prompt: null,
  histories: { filter: [], command: [], jump: [] },
  notice: '',
  marks: [],
  markCursor: 0,
}

/** The state after a key or a command. `current` is the snapshot on the screen, `extent` how far its lists go. */
export function act(state: ScreenState, action: Action, current: LiveSnapshot, extent: Extent): ScreenState {
  const quiet = state.notice === '' ? state : { ...state, notice: '' }
  switch (action.do) {
    case 'help':
      return { ...quiet, overlay: state.overlay === 'help' ? 'none' : 'help' }
    case 'marks':
      return { ...quiet, overlay: state.overlay === 'marks' ? 'none' : 'marks', markCursor: 0 }
    case 'back':
      return left(quiet)
    case 'pause':
      return { ...quiet, frozen: state.frozen === null ? current : null }
    case 'next-pane': {
      const panes = PANES_OF[state.view]
      return { ...quiet, overlay: 'none', pane: panes[(panes.indexOf(state.pane) + 1) % panes.length] }
    }
    case 'view':
      return opened(quiet, action.view)
    case 'turn':
      return opened(quiet, VIEWS[(VIEWS.indexOf(state.view) + action.views + VIEWS.length) % VIEWS.length])
    case 'enter':
      return entered(quiet, extent)
    case 'page':
      return pageOpened(quiet, action.page ?? extent.page)
    case 'rule':
      return ruleOpened(quiet, action.rule, current)
    case 'answer':
      return { ...quiet, overlay: 'answer', answer: action.lines, scrolled: 0 }
    case 'next-sort':
      return sorted(quiet, nextColumn(state, extent.columns))
    case 'sort':
      return extent.columns.includes(action.column)
        ? sorted(quiet, action.column)
        : { ...quiet, notice: `no column ${action.column} here; there are ${extent.columns.join(', ')}` }
    case 'reverse-sort':
      return reversed(quiet)
    case 'filter':
      return { ...quiet, filter: action.filter }
    case 'faster':
      return { ...quiet, refreshMs: REFRESH_MS[Math.max(0, refreshStep(state) - 1)] }
    case 'slower':
      return { ...quiet, refreshMs: REFRESH_MS[Math.min(REFRESH_MS.length - 1, refreshStep(state) + 1)] }
    case 'refresh':
      return { ...quiet, refreshMs: action.ms }
    case 'move':
      return moved(quiet, action.rows, extent)
    case 'prompt':
      return { ...quiet, prompt: openPrompt(action.kind, state) }
    case 'notice':
      return { ...state, notice: action.text }
    case 'mark':
      return marked(quiet, current.hostTimeNs, action.text)
    case 'quit':
    case 'suspend':
    case 'copy':
    case 'save':
    case 'trace':
    case 'sql':
    case 'step':
    case 'jump':
    case 'speed':
    case 'host':
    case 'turn-host':
      return quiet
  }
}

function opened(state: ScreenState, view: ViewId): ScreenState {
  return { ...state, view, pane: PANES_OF[view][0], overlay: 'none' }
}

function entered(state: ScreenState, extent: Extent): ScreenState {
  if (state.overlay === 'marks') {
    const mark = state.marks.at(state.markCursor)
    if (mark === undefined) return state
    const { view, pane, row } = mark
    return { ...state, view, pane, overlay: 'none', cursor: { ...state.cursor, [pane]: row } }
  }
  const { chosen } = extent
  if (state.overlay === 'none' && PANES_OF_PAGES.includes(state.pane))
    return extent.rows === 0 ? state : pageOpened(state, extent.page)
  if (state.overlay !== 'none' || chosen === undefined || !PANES_WITH_DETAIL.includes(state.pane))
    return state
  return { ...state, overlay: 'detail', subject: { pane: state.pane, ...chosen }, scrolled: 0 }
}

/** What lies on top goes first; the filter last. */
function left(state: ScreenState): ScreenState {
  switch (state.overlay) {
    case 'none':
      return { ...state, filter: null }
    case 'page':
      return { ...state, overlay: state.page?.above ?? 'none', scrolled: 0 }
    case 'detail':
    case 'answer':
    case 'help':
    case 'marks':
      return { ...state, overlay: 'none' }
  }
}

function pageOpened(state: ScreenState, page: PageOfProcess | undefined): ScreenState {
  if (page === undefined)
    return { ...state, notice: 'this row is about no page: :page PID ADDRESS opens any page' }
  const above = state.overlay === 'detail' ? 'detail' : 'none'
  return { ...state, overlay: 'page', page: { ...page, above }, scrolled: 0 }
}

function ruleOpened(state: ScreenState, wanted: string, { rules }: LiveSnapshot): ScreenState {
  const row = rules.find(({ rule }) => rule.toLowerCase() === wanted.toLowerCase())
  if (row === undefined)
    return {
      ...state,
      notice: `no rule ${wanted} here; there are ${rules.map(({ rule }) => rule).join(', ')}`,
    }
  return {
    ...opened(state, 'rules'),
    overlay: 'detail',
    subject: { pane: 'rules', id: row.rule, row },
    scrolled: 0,
  }
}

function moved(state: ScreenState, rows: number, extent: Extent): ScreenState {
  const within = (at: number, length: number) => Math.min(Math.max(0, length - 1), Math.max(0, at))
  switch (state.overlay) {
    case 'detail':
    case 'page':
    case 'answer':
      return { ...state, scrolled: within(state.scrolled + rows, extent.detail) }
    case 'marks':
      return { ...state, markCursor: within(state.markCursor + rows, state.marks.length) }
    case 'help':
    case 'none': {
      const { pane, cursor } = state
      const from = within(cursor[pane], extent.rows)
      return { ...state, cursor: { ...cursor, [pane]: within(from + rows, extent.rows) } }
    }
  }
}

function sorted(state: ScreenState, column: string): ScreenState {
  return { ...state, orders: { ...state.orders, [state.pane]: { column, direction: 'natural' } } }
}

function nextColumn(state: ScreenState, columns: readonly string[]): string {
  const at = columns.indexOf(state.orders[state.pane]?.column ?? '')
  return columns[(at + 1) % columns.length]
}

function reversed(state: ScreenState): ScreenState {
  const order = state.orders[state.pane]
  if (order === undefined) return { ...state, notice: 'not sorted by a column yet: s sorts' }
  const direction = order.direction === 'natural' ? 'reversed' : 'natural'
  return { ...state, orders: { ...state.orders, [state.pane]: { ...order, direction } } }
}

/** The oldest mark goes when there are too many. */
function marked(state: ScreenState, timeNs: number, text: string): ScreenState {
  const { view, pane, cursor } = state
  const mark = { view, pane, row: cursor[pane], timeNs, text }
  return { ...state, marks: [...state.marks, mark].slice(-MARKS), notice: "marked; ' lists the marks" }
}

function refreshStep(state: ScreenState): number {
  const step = REFRESH_MS.findIndex((ms) => ms >= state.refreshMs)
  return step < 0 ? REFRESH_MS.length - 1 : step
}
