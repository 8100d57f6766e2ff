import { agentLines } from '../views/host-lines.js'
import { plainText, span, type Line } from '../views/line.js'
import { alarmsOf } from '../views/live-findings.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { statusLine } from '../views/live-status.js'
import { glanceLines } from '../views/glance.js'
import { headerLines, rateLines } from '../views/overview.js'
import { busiest } from '../views/processes.js'
import { clipLine } from '../views/table.js'
import { isEverything, targetWords } from '../views/target.js'
import { printable } from '../views/printable.js'
import { count, duration, sinceBoot } from '../views/units.js'
import { signs, type ViewOptions } from '../views/view-options.js'
import { textWidth } from '../views/width.js'
import { detailPane, hasDetailLines } from './details.js'
import { helpLines } from './help.js'
import { listPane, ruleLine } from './list-pane.js'
import type { Shown } from './lists.js'
import type { ScreenState } from './state.js'
import { PANES_OF, PANES_OF_PAGES, PANES_WITH_DETAIL, VIEWS } from './views.js'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface FrameInput {
  /** What to draw: the frozen snapshot while paused. */
  readonly snapshot: Shown
  /** Events that came since the screen was paused. */
  readonly eventsSincePause: number
  readonly wallMs: number
  /** Where a recording stands; absent: live. */
  readonly playing?: Playing
}

/** A recording on the screen: times are ns since the boot of its host. */
export interface Playing {
  readonly beginNs: number
  readonly endNs: number
  readonly nowNs: number
  /** 0: it stands still. */
  readonly times: number
  /** Part of the way to `nowNs` that has been read, 1: all of it. */
  readonly read: number
}

/** Rows below which the rates give way to the lists. */
const ROWS_FOR_RATES = 18
/** Of two lists one above the other the upper one is what the view is about. */
const UPPER_PART = 0.6

/** The whole screen as exactly `size.rows` lines of at most `size.columns` cells. */
export function layoutFrame(
  input: FrameInput,
  state: ScreenState,
  size: Size,
  charset: ViewOptions['charset'],
): readonly Line[] {
  const options: ViewOptions = { width: size.columns, charset }
  const withRates = state.view === 'overview' && state.overlay === 'none' && size.rows >= ROWS_FOR_RATES
  const head = [
    ...headerLines(input.snapshot, input.wallMs, options),
    tabLine(input.snapshot, state, options),
    ...stateLines(input, state, options),
    ...(withRates ? [...glanceLines(input.snapshot, options), ...rateLines(input.snapshot, options)] : []),
  ]
  const footer = bottomLine(input, state, options)
  const bodyRows = Math.max(0, size.rows - head.length - 1)
  // The help needs the header's rows as well, to fit into 24.
  const lines =
    state.overlay === 'help'
      ? helpLines(size.columns)
      : [...head, ...bodyLines(input.snapshot, state, bodyRows, options)]
  const filled = lines.slice(0, size.rows - 1)
  while (filled.length < size.rows - 1) filled.push([])
  const cutMark = signs(charset).cut
  return [...filled, footer].map((line) => clipLine(line, { width: size.columns, cutMark }))
}

/** Views by key; what is alarming is said here, whichever view is open. */
function tabLine({ verdicts }: LiveSnapshot, { view }: ScreenState, { width }: ViewOptions): Line {
  const alarms = alarmsOf(verdicts)
  const line = (named: 'all' | 'needed') =>
    VIEWS.flatMap((id, index) => {
      const isOpen = id === view
      const mark = id === 'findings' && alarms > 0 ? ` ${count(alarms)}!` : ''
      const name = named === 'all' || isOpen || mark !== '' ? `${index + 1} ${id}${mark}` : `${index + 1}`
      const role = isOpen ? 'title' : mark === '' ? 'dim' : 'bad'
      return [span(index === 0 ? '' : ' '), span(isOpen ? `[${name}]` : name, role)]
    })
  // Where there is no room for all names, the open one has its name, and findings when there are any.
  return textWidth(plainText(line('all'))) <= width ? line('all') : line('needed')
}

function stateLines(input: FrameInput, state: ScreenState, options: ViewOptions): readonly Line[] {
  const line = stateLine(input, state, options)
  return plainText(line).trim() === '' ? [] : [line]
}

function stateLine(input: FrameInput, state: ScreenState, options: ViewOptions): Line {
  const { snapshot, playing, wallMs } = input
  return [
    state.frozen === null ? [] : [span(`PAUSED +${count(input.eventsSincePause)}`, 'warn')],
    filterWords(state, options),
    tracedWords(snapshot, options),
    playing === undefined ? statusLine(snapshot, wallMs, options) : playingLine(playing),
  ]
    .filter((words) => plainText(words).trim() !== '')
    .flatMap((words, index) => (index === 0 ? words : [span('  '), ...words]))
}

function playingLine({ beginNs, endNs, nowNs, times, read }: Playing): Line {
  const how = times === 0 ? 'STANDING' : `PLAYING ${times}x`
  return [
    span(read < 1 ? `READING ${Math.floor(100 * read)} %` : how, 'warn'),
    span(
      `  at ${sinceBoot(nowNs)} s, ${duration(Math.max(0, nowNs - beginNs))} of ${duration(Math.max(0, endNs - beginNs))}`,
    ),
  ]
}

/** What of all that came is shown. */
function filterWords({ filter }: ScreenState, { charset }: ViewOptions): Line {
  return filter === null ? [] : [span(`only ${printable(filter.text, charset)}`, 'warn')]
}

/** What is asked of the agent at all. */
function tracedWords({ filter }: LiveSnapshot, { charset }: ViewOptions): Line {
  return filter === null || isEverything(filter)
    ? []
    : [span(`traced ${targetWords(filter, charset)}`, 'accent')]
}

/** Marks, newest last, each with where and when it was set. */
function marksPane(state: ScreenState, options: ViewOptions): readonly Line[] {
  const lines = state.marks.map(({ view, row, timeNs, text }, index): Line => {
    const words = ` ${sinceBoot(timeNs).padStart(15)}  ${view}, row ${row + 1}  ${text}`
    return [span(words, index === state.markCursor ? 'selected' : 'plain')]
  })
  return [
    ruleLine('Marks: Enter goes there', state.pane, state, options),
    ...(lines.length === 0 ? [[span('  none: m sets one', 'dim')]] : lines),
  ]
}

/** What is being typed; else what the last key came to; else the keys. */
function bottomLine(input: FrameInput, state: ScreenState, options: ViewOptions): Line {
  const { prompt, notice } = state
  if (prompt !== null)
    return [
      span(PROMPT_SIGNS[prompt.kind], 'strong'),
      span(printable(prompt.text, options.charset)),
      span(' ', 'selected'),
    ]
  if (notice !== '') return [span(printable(notice, options.charset), 'warn')]
  return footerLine(input, state, options)
}

const PROMPT_SIGNS = { filter: '/', command: ':', jump: 'jump to s, +s or -s: ' } as const

function bodyLines(snapshot: Shown, state: ScreenState, rows: number, options: ViewOptions): readonly Line[] {
  if (hasDetailLines(state)) return detailPane(snapshot, state, rows, options)
  if (state.overlay === 'marks') return marksPane(state, options)
  switch (state.view) {
    case 'overview':
      return overview(snapshot, state, rows, options)
    case 'pages': {
      const pageRows = Math.max(3, Math.floor(rows * UPPER_PART))
      return [
        ...listPane('pages', snapshot, state, pageRows, options),
        ...listPane('latest', snapshot, state, Math.max(3, rows - pageRows), options),
      ]
    }
    case 'processes': {
      const processRows = Math.min(Math.max(3, busiest(snapshot.processes).length + 2), Math.floor(rows / 2))
      return [
        ...listPane('processes', snapshot, state, processRows, options),
        ...listPane('forks', snapshot, state, Math.max(3, rows - processRows), options),
      ]
    }
    case 'hosts': {
      const agent = agentLines(snapshot, options)
      const hostRows = Math.min(Math.max(3, snapshot.hosts.length + 2), Math.max(3, Math.floor(rows / 3)))
      return [
        ...listPane('hosts', snapshot, state, hostRows, options),
        ...agent,
        ...listPane('legs', snapshot, state, Math.max(0, rows - hostRows - agent.length), options),
      ]
    }
    case 'findings':
    case 'pins':
    case 'thp':
    case 'rules':
      return listPane(PANES_OF[state.view][0], snapshot, state, rows, options)
  }
}

function overview(snapshot: Shown, state: ScreenState, rows: number, options: ViewOptions): readonly Line[] {
  if (options.width >= COLUMNS_FOR_TWO) {
    const right = { ...options, width: options.width - LEFT_CELLS - 2 }
    const left = listPane('processes', snapshot, state, rows, { ...options, width: LEFT_CELLS })
    return beside(left, listPane('latest', snapshot, state, rows, right))
  }
  const processRows = Math.max(3, Math.floor(rows * UPPER_PART))
  return [
    ...listPane('processes', snapshot, state, processRows, options),
    ...listPane('latest', snapshot, state, Math.max(3, rows - processRows), options),
  ]
}

/** From here on the panes stand beside each other, the left one as wide as its columns need. */
const COLUMNS_FOR_TWO = 190
const LEFT_CELLS = 84

function beside(left: readonly Line[], right: readonly Line[]): readonly Line[] {
  return left.map((line, index) => {
    const blanks = ' '.repeat(Math.max(0, LEFT_CELLS + 2 - textWidth(plainText(line))))
    return [...line, span(blanks), ...(right.at(index) ?? [])]
  })
}

function footerLine({ playing }: FrameInput, state: ScreenState, options: ViewOptions): Line {
  const { down, up } = signs(options.charset)
  const parts: readonly (readonly [string, string])[] = [
    ['q', 'quit'],
    ['?', 'help'],
    playing === undefined
      ? ['space', state.frozen === null ? 'pause' : 'go on']
      : ['space', playing.times === 0 ? 'play' : 'stand'],
    ['/', 'filter'],
    ['1-8', 'view'],
    ...footerOfView(state, state.orders[state.pane]?.direction === 'reversed' ? up : down),
    ['j/k', 'move'],
    ['+/-', `${state.refreshMs} ms`],
  ]
  // Whole keys, as many as there is room for: the help has them all.
  let used = -2
  const shown = parts.filter(([key, meaning]) => {
    used += 2 + textWidth(`${key} ${meaning}`)
    return used <= options.width
  })
  return shown.flatMap(([key, meaning], index) => [
    span(index === 0 ? key : '  ' + key, 'strong'),
    span(' ' + meaning, 'dim'),
  ])
}

/** The keys that matter in this view now. */
function footerOfView(state: ScreenState, mark: string): readonly (readonly [string, string])[] {
  const ofPage = ['p', 'its page'] as const
  if (state.overlay === 'page' || state.overlay === 'answer') return [['Esc', 'back']]
  if (state.overlay === 'detail') return [['Esc', 'back'], ...(state.pane === 'findings' ? [ofPage] : [])]
  return [
    ...(state.orders[state.pane] === undefined
      ? []
      : [['s/S', `${state.orders[state.pane]?.column ?? ''} ${mark}`] as const]),
    ...(PANES_WITH_DETAIL.includes(state.pane) ? [['Enter', 'all about it'] as const] : []),
    ...(PANES_OF_PAGES.includes(state.pane) ? [['Enter', 'its page'] as const] : []),
    ...(state.pane === 'findings' ? [ofPage] : []),
    ...(PANES_OF[state.view].length > 1 ? [['Tab', 'list'] as const] : []),
  ]
}

/** The frame as text, for tests and for saving what is seen. */
export function frameText(lines: readonly Line[]): string {
  return lines.map((line) => plainText(line).trimEnd()).join('\n')
}
