import { Command, Option } from 'commander'
import { CowpathError } from '../model/failure.js'
import { COUNTER_NAMES, type Counts, type CountersSnapshot } from '../model/counts.js'
import {
  COUNTED_COLUMNS,
  COUNTER_ORDERS,
  topCounted,
  type CountedProcess,
  type CounterOrder,
} from '../views/counters.js'
import { count } from '../views/units.js'
import { connect } from '../wire/client.js'
import { wholeNumber } from './arguments.js'
import { DEFAULT_ENDPOINT } from './live.js'
import { printJson, printLine, withoutNoHost } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'

interface CountersOptions {
  readonly by: CounterOrder
  readonly limit: number
  readonly watch?: true
  readonly json?: true
}

/** A row of db/queries/counters.sql. */
interface RecordedCounts extends Omit<CountedProcess, 'ended'> {
  readonly hostname: string | null
  readonly ended: number
}

const NOT_RECORDED =
  'No counters were recorded: the agent keeps none (--counters off), or an older cowpath recorded.'
const WATCH_MS = 1000
/** ECMA-48: to the upper left, and erase from there on. */
const HOME = '\x1b[H\x1b[J'

export function countersCommand(): Command {
  return new Command('counters')
    .description('lists what every process did since the agent attached, traced or not: copies, faults, pins')
    .argument('[source]', 'an agent, unix:///PATH or tcp://127.0.0.1:PORT, or a recording', DEFAULT_ENDPOINT)
    .addOption(new Option('--by <what>', 'what to sort by').choices(COUNTER_ORDERS).default('copies'))
    .option('--limit <rows>', 'how many processes', wholeNumber, 20)
    .option('--watch', 'again each second, until a signal comes')
    .option('--json', 'one JSON value each time, with all processes and all counts')
    .addHelpText(
      'after',
      `
Who did it is counted, not whose memory it was. PINS are those taken and not given back yet, by whomever.
An agent started with --counters off keeps none. A recording has them as they stood last.

Exit status: 0 done, 1 the agent or the file cannot be asked.`,
    )
    .action(async (source: string, options: CountersOptions) => {
      if (!source.includes('://')) {
        tellRecorded(source, options)
        return
      }
      const client = connect(source)
      try {
        for await (const snapshot of client.counters(options.watch ? WATCH_MS : 0)) tell(snapshot, options)
      } finally {
        client.close()
      }
    })
}

function tell(snapshot: CountersSnapshot, { by, limit, watch, json }: CountersOptions): void {
  const processes = snapshot.processes.map(({ tgid, comm, startTimeNs, ended, counts }): CountedProcess => ({
    tgid,
    comm,
    start_ns: startTimeNs,
    ended,
    ...counts,
    pins_outstanding: outstanding(counts),
  }))
  const { timeNs, other, evicted, crowded } = snapshot
  if (json) {
    printJson({ time_ns: timeNs, processes, other, evicted, crowded })
    return
  }
  if (watch && process.stdout.isTTY) process.stdout.write(HOME)
  const rows = topCounted(processes, by, limit)
  printTable(COUNTED_COLUMNS, rows, { sortedBy: by, empty: 'Nothing was counted.' })
  if (evicted + crowded === 0) return
  printLine()
  printLine(
    `Not named above: ${count(other.copies + other.unshares)} copies and ${count(other.faults)} faults, of ` +
      `${count(evicted)} processes that have ended, and of those that found no place (${count(crowded)} times).`,
  )
}

function tellRecorded(path: string, { by, limit, watch, json }: CountersOptions): void {
  if (watch)
    throw new CowpathError({
      what: 'cannot watch a recording',
      why: 'its counters do not change',
      todo: 'leave --watch out, or name an agent',
      exitStatus: 2,
    })
  withRecording(path, (recording) => {
    const rows = recording
      .ask<RecordedCounts>('counters', {})
      .map(({ ended, ...row }) => ({ ...row, ended: ended !== 0 }))
    const processes = rows.filter(({ tgid }) => tgid !== 0)
    const other = sumOf(rows.filter(({ tgid }) => tgid === 0))
    if (json) {
      printJson({ processes: processes.map(withoutNoHost), other })
      return
    }
    printTable(COUNTED_COLUMNS, topCounted(processes, by, limit), { sortedBy: by, empty: NOT_RECORDED })
    const copies = other.copies + other.unshares
    if (copies + other.faults > 0)
      printLine(`\nNot named above: ${count(copies)} copies and ${count(other.faults)} faults.`)
  })
}

function sumOf(rows: readonly Counts[]): Counts {
  const sums = COUNTER_NAMES.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)] as const)
  return Object.fromEntries(sums) as Counts // of all names
}

function outstanding({ pins_taken, pins_returned }: Counts): number {
  return Math.max(0, pins_taken - pins_returned)
}
