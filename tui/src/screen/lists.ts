import type { LegBooks } from '../model/events.js'
import { VERDICTS } from '../model/finding.js'
import { matches } from '../views/filter.js'
import { findingLines } from '../views/finding-lines.js'
import { findingColumns } from '../views/finding-table.js'
import { legColumns, legLines } from '../views/host-lines.js'
import type { HotPage } from '../views/hot-pages.js'
import { forkColumns } from '../views/fork-table.js'
import { hugeColumns } from '../views/huge-table.js'
import { latestColumns } from '../views/latest-pages.js'
import type { Line } from '../views/line.js'
import type { FindingRow, RuleRow } from '../views/live-findings.js'
import type { ForkRow } from '../views/live-forks.js'
import type { HugeRow } from '../views/live-huge.js'
import type { PinRow } from '../views/live-pins.js'
import { hostColumns } from '../views/hosts.js'
import type { HostRow, LiveSnapshot, PageEvent, ProcessRow } from '../views/live-snapshot.js'
import { pageColumns } from '../views/page-table.js'
import { pinColumns } from '../views/pin-table.js'
import { busiest, processColumns } from '../views/processes.js'
import { sortRows, valueOf } from '../views/rows.js'
import { RULE_COLUMNS, ruleLines } from '../views/rule-table.js'
import type { Column } from '../views/table.js'
import { count } from '../views/units.js'
import type { ViewOptions } from '../views/view-options.js'
import type { PageOfProcess, ScreenState } from './state.js'
import type { Pane } from './views.js'

/** A snapshot with all hosts that are looked at beside its own, and what is known of the page that was asked for. */
export interface Shown extends LiveSnapshot {
  readonly hosts: readonly HostRow[]
  readonly page: readonly string[]
}

/** Rows of one kind: which, in what columns, and what Enter tells of one. */
interface ListSpec<Row> {
  readonly title: (snapshot: Shown) => string
  readonly rows: (snapshot: Shown) => readonly Row[]
  readonly columns: (options: ViewOptions, snapshot: Shown) => readonly Column<Row>[]
  /** Said where there is no row at all. */
  readonly empty: (snapshot: Shown) => string
  readonly detail?: (row: Row, snapshot: Shown, options: ViewOptions) => readonly Line[]
  /** The page that a row is about. */
  readonly pageOf?: (row: Row) => PageOfProcess
  /** By what a row is known again while others overtake it; for lists with a detail. */
  readonly id?: (row: Row) => string
}

/** A list as the screen now shows it: filtered and sorted. */
export interface ShownList<Row> {
  readonly title: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly empty: string
  readonly detail: (row: Row) => readonly Line[]
  /** The row that the open detail is about, as it is now, or as it was when it left the list; else the one under the cursor. */
  readonly chosen: Row | undefined
  readonly id: (row: Row) => string
  readonly pageOf: (row: Row) => PageOfProcess | undefined
}

/** Calls `use` with the list of a pane, whatever its rows are. */
export function withList<Result>(
  pane: Pane,
  snapshot: Shown,
  state: ScreenState,
  options: ViewOptions,
  use: <Row>(list: ShownList<Row>) => Result,
): Result {
  const show = <Row>(spec: ListSpec<Row>) => use(shown(spec, pane, snapshot, state, options))
  switch (pane) {
    case 'processes':
      return show(PROCESSES)
    case 'latest':
      return show(LATEST)
    case 'findings':
      return show(FINDINGS)
    case 'pages':
      return show(PAGES)
    case 'pins':
      return show(PINS)
    case 'huge':
      return show(HUGE)
    case 'forks':
      return show(FORKS)
    case 'rules':
      return show(RULES)
    case 'hosts':
      return show(HOSTS)
    case 'legs':
      return show(LEGS)
  }
}

function shown<Row>(
  spec: ListSpec<Row>,
  pane: Pane,
  snapshot: Shown,
  state: ScreenState,
  options: ViewOptions,
): ShownList<Row> {
  const columns = spec.columns(options, snapshot)
  const all = spec.rows(snapshot)
  const { filter } = state
  const byId = new Map(columns.map((column) => [column.id, column]))
  const passed =
    filter === null
      ? all
      : all.filter((row) => {
          const field = (id: string) => {
            const column = byId.get(id)
            return column === undefined ? undefined : valueOf(column, row)
          }
          return matches(filter, field, () => columns.map((column) => column.text(row)))
        })
  const order = state.orders[pane]
  const left = all.length - passed.length
  const rows = order === undefined ? passed : sortRows(columns, passed, order)
  const { id = () => '' } = spec
  const { subject } = state
  const chosen =
    isSubject(state) && subject?.pane === pane
      ? (all.find((row) => id(row) === subject.id) ?? (subject.row as Row)) // it was taken from this list
      : rows.at(Math.min(state.cursor[pane], rows.length - 1))
  return {
    title: spec.title(snapshot) + (left === 0 ? '' : ` (${count(left)} left out by the filter)`),
    columns,
    rows,
    chosen,
    id,
    empty: left === 0 ? spec.empty(snapshot) : 'nothing passes the filter',
    detail: (row) => spec.detail?.(row, snapshot, options) ?? [],
    pageOf: (row) => spec.pageOf?.(row),
  }
}

/** Whether a detail is open, or waits under the page that was opened from it. */
function isSubject({ overlay, page }: ScreenState): boolean {
  return overlay === 'detail' || (overlay === 'page' && page?.above === 'detail')
}

const PROCESSES: ListSpec<ProcessRow> = {
  title: ({ processes, forgottenProcesses }) =>
    `Processes ${count(busiest(processes).length)}${beyond(forgottenProcesses, 'quiet ones forgotten')}`,
  rows: ({ processes }) => busiest(processes),
  columns: processColumns,
  empty: () => 'none yet',
}

const LATEST: ListSpec<PageEvent> = {
  title: () => 'Latest page events',
  rows: ({ latest }) => latest,
  columns: latestColumns,
  empty: () => 'none yet',
  pageOf: ({ tgid, vpn }) => ({ tgid, vpn }),
  id: ({ seq }) => String(seq),
}

const FINDINGS: ListSpec<FindingRow> = {
  title: ({ verdicts, findingsBeyond }) =>
    `Findings ${verdictWords(verdicts)}${beyond(findingsBeyond, 'beyond this list')}`,
  rows: ({ findings }) => findings,
  columns: findingColumns,
  empty: noFindings,
  id: ({ finding }) => String(finding),
  detail: (row, { rules }, options) =>
    findingLines(row, rules.find(({ rule }) => rule === row.rule)?.text, options),
  pageOf: ({ tgid, last }) => ({ tgid, vpn: last.vpn }),
}

const PAGES: ListSpec<HotPage> = {
  title: () => 'Hottest pages',
  rows: ({ pages }) => pages,
  columns: pageColumns,
  empty: () => 'no faults yet',
  pageOf: ({ tgid, vpn }) => ({ tgid, vpn }),
  id: ({ mm, vpn }) => `${mm}/${vpn}`,
}

const PINS: ListSpec<PinRow> = {
  title: ({ pins }) =>
    `Pins: ${count(pins.pinnedPages)} pages, ${count(pins.longtermPages)} of them long-term${beyond(pins.beyond, 'beyond this list')}`,
  rows: ({ pins }) => pins.rows,
  columns: (options, { hostTimeNs }) => pinColumns(options, hostTimeNs),
  empty: () => 'nothing is pinned',
  pageOf: ({ ownerTgid, vpn }) => ({ tgid: ownerTgid, vpn }),
}

const HUGE: ListSpec<HugeRow> = {
  title: () => 'Huge pages: splits and collapses, by process and cause',
  rows: ({ huge }) => huge,
  columns: hugeColumns,
  empty: () => 'none yet',
}

const FORKS: ListSpec<ForkRow> = {
  title: ({ forks, forgottenForks }) =>
    `Forks ${count(forks.length)}, and what parent and child copied while the child lived${beyond(forgottenForks, 'older ones forgotten')}`,
  rows: ({ forks }) => forks,
  columns: (options, { hostTimeNs }) => forkColumns(options, hostTimeNs),
  empty: () => 'nothing was forked yet',
}

const RULES: ListSpec<RuleRow> = {
  title: () => 'Rules',
  rows: ({ rules }) => rules,
  columns: () => RULE_COLUMNS,
  empty: () => 'no rules are at work on this stream',
  detail: (row, _snapshot, options) => ruleLines(row, options),
  id: ({ rule }) => rule,
}

const HOSTS: ListSpec<HostRow> = {
  title: ({ hosts }) => `Agents ${count(hosts.length)}`,
  rows: ({ hosts }) => hosts,
  columns: hostColumns,
  empty: () => 'none',
}

const LEGS: ListSpec<LegBooks> = {
  title: () => 'Legs and their books',
  rows: ({ legs }) => legs,
  columns: legColumns,
  empty: () => 'not connected yet',
  detail: (row, _snapshot, options) => legLines(row, options),
  id: ({ name }) => name,
}

/** Nothing found is only good news where somebody looked. */
function noFindings({ rules }: Shown): string {
  const checked = rules.reduce((sum, rule) => sum + rule.checked, 0)
  const unknown = rules.reduce((sum, rule) => sum + rule.unknown, 0)
  return `none: ${count(checked)} checks, ${count(unknown)} of them undecided`
}

function verdictWords(verdicts: Shown['verdicts']): string {
  return [...VERDICTS]
    .reverse()
    .filter((verdict) => verdicts[verdict] > 0)
    .map((verdict) => `${count(verdicts[verdict])} ${verdict}`)
    .join(', ')
}

function beyond(rows: number, words: string): string {
  return rows === 0 ? '' : ` (${count(rows)} ${words})`
}
