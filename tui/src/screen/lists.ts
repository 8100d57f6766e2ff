import { VERDICTS } from '../model/finding.js'
import { findingTableLines } from '../views/finding-table.js'
import { legTableLines } from '../views/host-lines.js'
import { hugeTableLines } from '../views/huge-table.js'
import { latestPageLines } from '../views/latest-pages.js'
import { span, type Line } from '../views/line.js'
import type { ListOptions } from '../views/list-options.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { pageTableLines } from '../views/page-table.js'
import { pinTableLines } from '../views/pin-table.js'
import { processLines, sortProcesses } from '../views/processes.js'
import { ruleTableLines } from '../views/rule-table.js'
import { count } from '../views/units.js'
import { signs, type ViewOptions } from '../views/view-options.js'
import { textWidth } from '../views/width.js'
import type { RowCounts, ScreenState } from './state.js'
import type { Pane } from './views.js'

/** Rule, titles and rows: exactly `rows` lines. */
export function listPane(
  pane: Pane,
  snapshot: LiveSnapshot,
  state: ScreenState,
  rows: number,
  options: ViewOptions,
): readonly Line[] {
  const { title, lines } = list(pane, snapshot, state, Math.max(0, rows - 2), options)
  return [ruleLine(title, pane, state, options), ...lines, ...blank(rows - 1 - lines.length)]
}

interface ListText {
  readonly title: string
  readonly lines: readonly Line[]
}

function list(
  pane: Pane,
  snapshot: LiveSnapshot,
  state: ScreenState,
  height: number,
  options: ViewOptions,
): ListText {
  const shown = <Row>(
    all: readonly Row[],
    lines: (rows: readonly Row[], options: ListOptions) => readonly Line[],
    empty: string,
  ) => {
    if (all.length === 0) return [[span(`  ${empty}`, 'dim')]]
    const part = window(all, state.cursor[pane], height)
    return lines(part.rows, { ...options, ...selection(pane, part.cursor, state) })
  }
  switch (pane) {
    case 'processes': {
      const rows = sortProcesses(snapshot.processes, state.sort, state.direction)
      const { sort, direction } = state
      return {
        title: `Processes ${count(rows.length)}${beyond(snapshot.forgottenProcesses, 'quiet ones forgotten')}`,
        lines: shown(rows, (part, list) => processLines(part, { ...list, sort, direction }), 'none yet'),
      }
    }
    case 'latest':
      return { title: 'Latest page events', lines: shown(snapshot.latest, latestPageLines, 'none yet') }
    case 'findings':
      return {
        title: `Findings ${verdictWords(snapshot.verdicts)}${beyond(snapshot.findingsBeyond, 'beyond this list')}`,
        lines: shown(snapshot.findings, findingTableLines, noFindings(snapshot)),
      }
    case 'pages':
      return { title: 'Hottest pages', lines: shown(snapshot.pages, pageTableLines, 'no faults yet') }
    case 'pins': {
      const { rows, pinnedPages, longtermPages } = snapshot.pins
      const nowNs = snapshot.hostTimeNs
      return {
        title: `Pins: ${count(pinnedPages)} pages, ${count(longtermPages)} of them long-term${beyond(snapshot.pins.beyond, 'beyond this list')}`,
        lines: shown(rows, (part, list) => pinTableLines(part, { ...list, nowNs }), 'nothing is pinned'),
      }
    }
    case 'huge':
      return {
        title: 'Huge pages: splits and collapses, by process and cause',
        lines: shown(snapshot.huge, hugeTableLines, 'none yet'),
      }
    case 'rules':
      return {
        title: 'Rules',
        lines: shown(snapshot.rules, ruleTableLines, 'no rules are at work on this stream'),
      }
    case 'legs':
      return {
        title: 'Legs and their books',
        lines: shown(snapshot.legs, legTableLines, 'not connected yet'),
      }
  }
}

/** Nothing found is only good news where somebody looked. */
function noFindings({ rules }: LiveSnapshot): string {
  const checked = rules.reduce((sum, rule) => sum + rule.checked, 0)
  const unknown = rules.reduce((sum, rule) => sum + rule.unknown, 0)
  return `none: ${count(checked)} checks, ${count(unknown)} of them undecided`
}

function verdictWords(verdicts: LiveSnapshot['verdicts']): string {
  const words = [...VERDICTS]
    .reverse()
    .filter((verdict) => verdicts[verdict] > 0)
    .map((verdict) => `${count(verdicts[verdict])} ${verdict}`)
  return words.join(', ')
}

function beyond(rows: number, words: string): string {
  return rows === 0 ? '' : ` (${count(rows)} ${words})`
}

/** How many rows each list has. */
export function rowCounts(snapshot: LiveSnapshot): Omit<RowCounts, 'detail'> {
  return {
    processes: snapshot.processes.filter((process) => process.events > 0).length,
    latest: snapshot.latest.length,
    findings: snapshot.findings.length,
    pages: snapshot.pages.length,
    pins: snapshot.pins.rows.length,
    huge: snapshot.huge.length,
    rules: snapshot.rules.length,
    legs: snapshot.legs.length,
  }
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
  return { rows: all.slice(from, from + Math.max(0, height)), cursor: at - from }
}

function blank(rows: number): readonly Line[] {
  return Array.from({ length: Math.max(0, rows) }, () => [])
}

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
