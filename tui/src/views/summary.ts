import type { LegBooks } from '../model/events.js'
import { leftOutWords } from '../model/left-out.js'
import { plainText } from './line.js'
import type { LiveSnapshot } from './live-snapshot.js'
import { pageLines } from './page-lines.js'
import type { PageView } from './page.js'
import { printable } from './printable.js'
import { busiest, processColumns } from './processes.js'
import { renderTable, type Column } from './table.js'
import { bytes, count, duration } from './units.js'
import { signs, type ViewOptions } from './view-options.js'

const PROCESSES = 5
const STEPS_OF_EXAMPLE = 8
const LINES_OF_EXAMPLE = 24

/** What a run was: the host, what was watched, who copied, and the agent's books; for those who have no screen. */
export function summaryLines(
  snapshot: LiveSnapshot,
  lastedNs: number,
  options: ViewOptions,
): readonly string[] {
  const { agent, totals } = snapshot
  const text = (value: string) => printable(value, options.charset)
  const top = busiest(snapshot.processes).slice(0, PROCESSES)
  return [
    agent === null
      ? 'No agent answered.'
      : `Kernel   Linux ${text(agent.kernelRelease)} ${text(agent.kernelVersion)}, host ${text(agent.hostname)}, ${agent.cpus} CPUs`,
    `Watched  ${duration(lastedNs)}: ${count(totals.faults)} write faults on shared pages, ${count(totals.copies)} copies (${bytes(totals.copiedBytes)}), ${count(totals.reuses)} reuses, ${count(totals.forks)} forks`,
    ...(agent === null ? [] : leftOutWords(agent).map((words) => `NOTE     ${words}`)),
    '',
    'Processes that copied most:',
    ...renderTable(processColumns(options), top, {
      width: options.width,
      sortedBy: 'copied',
      sortMark: signs(options.charset).down,
      cutMark: signs(options.charset).cut,
    }).map(plainText),
    '',
    'Legs and their books (seen = submitted + ring full + filtered + throttled + missed):',
    ...legLines(snapshot.legs, options),
  ].map((line) => line.trimEnd())
}

/** The start of one page's history and of its family, with what to ask for the rest. */
export function exampleLines(view: PageView, options: ViewOptions): readonly string[] {
  const steps = view.slots.slice(0, STEPS_OF_EXAMPLE)
  const lines = pageLines({ ...view, slots: steps }, options)
  const more = view.slots.length > steps.length || lines.length > LINES_OF_EXAMPLE
  return [...lines.slice(0, LINES_OF_EXAMPLE), ...(more ? ['(there is more of it)'] : [])]
}

function legLines(legs: readonly LegBooks[], options: ViewOptions): readonly string[] {
  const { cut } = signs(options.charset)
  const columns: readonly Column<LegBooks>[] = [
    { ...left('leg', 10), text: (leg) => printable(leg.name, options.charset) },
    { ...left('attached by', 18), grow: 1, most: 40, text: (leg) => attachedBy(leg, options) },
    { ...right('seen'), text: (leg) => count(leg.seen) },
    { ...right('submitted'), text: (leg) => count(leg.submitted) },
    { ...right('ring full'), text: (leg) => count(leg.ringFull) },
    { ...right('filtered'), text: (leg) => count(leg.filtered) },
    { ...right('throttled'), text: (leg) => count(leg.throttled) },
    { ...right('missed'), text: (leg) => count(leg.missed) },
  ]
  return renderTable(columns, legs, { width: options.width, sortMark: '', cutMark: cut }).map(plainText)
}

function attachedBy(leg: LegBooks, { charset }: ViewOptions): string {
  return printable(leg.attached ? leg.hook : `NOT: ${leg.reasons.join('; ')}`, charset)
}

function left(title: string, width: number) {
  return { id: title, title, align: 'left', width, grow: 0, dropOrder: 0 } as const
}

function right(title: string) {
  return { id: title, title, align: 'right', width: 10, grow: 0, dropOrder: 1 } as const
}
