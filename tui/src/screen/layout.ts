import { latestPageLines } from '../views/latest-pages.js'
import { plainText, span, type Line } from '../views/line.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { statusLine } from '../views/live-status.js'
import { headerLines, rateLines } from '../views/overview.js'
import { processLines, sortProcesses } from '../views/processes.js'
import { clipLine } from '../views/table.js'
import { count } from '../views/units.js'
import { signs, type ViewOptions } from '../views/view-options.js'
import { textWidth } from '../views/width.js'
import { helpLines } from './help.js'
import type { Pane, ScreenState } from './state.js'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface FrameInput {
  /** What to draw: the frozen snapshot while paused. */
  readonly snapshot: LiveSnapshot
  /** Events that came since the screen was paused. */
  readonly eventsSincePause: number
  readonly wallMs: number
}

/** Rows below which the rates give way to the tables. */
const ROWS_FOR_RATES = 18

/** The whole screen as exactly `size.rows` lines of at most `size.columns` cells. */
export function layoutFrame(
  input: FrameInput,
  state: ScreenState,
  size: Size,
  charset: ViewOptions['charset'],
): readonly Line[] {
  const options: ViewOptions = { width: size.columns, charset }
  const head = [
    ...headerLines(input.snapshot, input.wallMs, options),
    stateLine(input, state, options),
    ...(size.rows >= ROWS_FOR_RATES ? rateLines(input.snapshot, options) : []),
  ]
  const footer = footerLine(state, options)
  const bodyRows = Math.max(0, size.rows - head.length - 1)
  const body =
    state.overlay === 'help'
      ? [...head, ...helpLines(size.columns)].slice(head.length)
      : panes(input.snapshot, state, bodyRows, options)
  // The help is longer than the room below the header on 24 rows: it takes the header's room as well.
  const lines = state.overlay === 'help' ? body : [...head, ...body]
  const filled = [...lines.slice(0, size.rows - 1)]
  while (filled.length < size.rows - 1) filled.push([])
  const cutMark = signs(charset).cut
  return [...filled, footer].map((line) => clipLine(line, { width: size.columns, cutMark }))
}

function stateLine(input: FrameInput, state: ScreenState, options: ViewOptions): Line {
  const status = statusLine(input.snapshot, options)
  if (state.frozen === null) return status
  return [span(`PAUSED +${count(input.eventsSincePause)}`, 'warn'), span('  '), ...status]
}

function panes(
  snapshot: LiveSnapshot,
  state: ScreenState,
  rows: number,
  options: ViewOptions,
): readonly Line[] {
  const processRows = Math.max(2, Math.floor((rows - 2) * 0.4))
  const latestRows = Math.max(2, rows - 2 - processRows)
  const processes = sortProcesses(snapshot.processes, state.sort, state.direction)
  const shownProcesses = window(processes, state.cursor.processes, processRows - 1)
  const shownLatest = window(snapshot.latest, state.cursor.latest, latestRows - 1)
  const forgotten =
    snapshot.forgottenProcesses === 0 ? '' : ` (${count(snapshot.forgottenProcesses)} quiet ones forgotten)`
  return [
    ruleLine(`Processes ${count(processes.length)}${forgotten}`, 'processes', state, options),
    ...processLines(shownProcesses.rows, {
      ...options,
      sort: state.sort,
      direction: state.direction,
      ...selection('processes', shownProcesses.cursor, state),
    }),
    ...blank(processRows - 1 - shownProcesses.rows.length),
    ruleLine('Latest page events', 'latest', state, options),
    ...latestPageLines(shownLatest.rows, { ...options, ...selection('latest', shownLatest.cursor, state) }),
  ]
}

function selection(pane: Pane, cursor: number, state: ScreenState): { readonly selected?: number } {
  return state.pane === pane ? { selected: cursor } : {}
}

/** The part of `all` that shows the row under the cursor, and where in it the cursor is. */
function window<Row>(
  all: readonly Row[],
  cursor: number,
  height: number,
): { rows: readonly Row[]; cursor: number } {
  const at = Math.min(cursor, Math.max(0, all.length - 1))
  const from = Math.max(0, at - Math.max(1, height) + 1)
  return { rows: all.slice(from, from + height), cursor: at - from }
}

function blank(rows: number): readonly Line[] {
  return Array.from({ length: Math.max(0, rows) }, () => [])
}

function ruleLine(title: string, pane: Pane, state: ScreenState, options: ViewOptions): Line {
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

function footerLine(state: ScreenState, options: ViewOptions): Line {
  const { down, up } = signs(options.charset)
  const parts: readonly (readonly [string, string])[] = [
    ['q', 'quit'],
    ['?', 'help'],
    ['space', state.frozen === null ? 'pause' : 'go on'],
    ['s/S', `sort ${state.sort} ${state.direction === 'natural' ? down : up}`],
    ['Tab', 'pane'],
    ['j/k', 'move'],
    ['+/-', `${state.refreshMs} ms`],
  ]
  const line = parts.flatMap(([key, meaning], index) => [
    span(index === 0 ? key : '  ' + key, 'strong'),
    span(' ' + meaning, 'dim'),
  ])
  return line
}

/** The frame as text, for tests and for saving what is seen. */
export function frameText(lines: readonly Line[]): string {
  return lines.map((line) => plainText(line).trimEnd()).join('\n')
}
