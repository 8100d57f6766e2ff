import { Command } from 'commander'
import type { Recording } from '../store/recording.js'
import { textColumn, numberColumn } from '../views/recorded/columns.js'
import type { Column } from '../views/table.js'
import { bytes, count } from '../views/units.js'
import { wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'

const MEASURES = ['copies', 'bytes', 'faults', 'pins', 'findings'] as const
type Measure = (typeof MEASURES)[number]
type Measures = Readonly<Record<Measure, number>>

/** What processes of one name did in a recording; a row of db/queries/name-rates.sql. */
interface NameRow extends Measures {
  readonly comm: string
}

interface Side {
  readonly seconds: number
  readonly names: readonly NameRow[]
}

/** Both sides of one name, each measure per second of its recording. */
interface Pair {
  readonly comm: string
  readonly before: Measures
  readonly after: Measures
}

const NOTHING: Measures = { copies: 0, bytes: 0, faults: 0, pins: 0, findings: 0 }

export function diffCommand(): Command {
  return new Command('diff')
    .description('compares two recordings by process name: copies, bytes, faults, pins, findings a second')
    .argument('<before>', 'a file that cowpath record wrote')
    .argument('<after>', 'another, of another kernel or configuration')
    .option('--limit <rows>', 'how many names', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      '\nRates are over the time from the first event of a recording to its last. Each cell tells before > after, ' +
        'the names whose bytes changed most come first. Findings are hazards, violations and self-inflicted ones.\n' +
        'Exit status: 0 done, 1 a file cannot be read.',
    )
    .action((before: string, after: string, { limit, json }: DiffOptions) => {
      const sides = [withRecording(before, sideOf), withRecording(after, sideOf)] as const
      const pairs = pairsOf(...sides)
      if (json) {
        printJson({
          before_seconds: sides[0].seconds,
          after_seconds: sides[1].seconds,
          per_second: pairs.slice(0, limit),
          names: pairs.length,
        })
        return
      }
      printLine(
        `before: ${sides[0].seconds.toFixed(1)} s, after: ${sides[1].seconds.toFixed(1)} s; all a second`,
      )
      printTable(COLUMNS, pairs.slice(0, limit), { empty: 'Neither recording has anything to compare.' })
      if (pairs.length > limit) printLine(`and ${count(pairs.length - limit)} more names`)
    })
}

interface DiffOptions {
  readonly limit: number
  readonly json?: true
}

function sideOf(recording: Recording): Side {
  const [span] = recording.ask<{ from_ns: number; until_ns: number } | undefined>('span', {})
  // A recording of one moment has no rate: it is taken for a second.
  const ns = span === undefined ? 0 : span.until_ns - span.from_ns
  return { seconds: ns > 0 ? ns / 1e9 : 1, names: recording.ask<NameRow>('name-rates', {}) }
}

function pairsOf(before: Side, after: Side): readonly Pair[] {
  const left = new Map(before.names.map((row) => [row.comm, perSecond(row, before.seconds)]))
  const right = new Map(after.names.map((row) => [row.comm, perSecond(row, after.seconds)]))
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((comm) => ({ comm, before: left.get(comm) ?? NOTHING, after: right.get(comm) ?? NOTHING }))
    .sort((a, b) => changeOf(b) - changeOf(a) || (a.comm < b.comm ? -1 : 1))
}

function changeOf({ before, after }: Pair): number {
  return Math.abs(after.bytes - before.bytes)
}

function perSecond(row: NameRow, seconds: number): Measures {
  return {
    copies: row.copies / seconds,
    bytes: row.bytes / seconds,
    faults: row.faults / seconds,
    pins: row.pins / seconds,
    findings: row.findings / seconds,
  }
}

const COLUMNS: readonly Column<Pair>[] = [
  textColumn('comm', 'PROCESS', { width: 15 }, ({ comm }) => (comm === '' ? 'not known' : comm)),
  ...MEASURES.map((measure, place) =>
    numberColumn<Pair>(
      measure,
      `${measure.toUpperCase()}/S`,
      { width: 21, dropOrder: place },
      ({ before, after }) => `${rateText(measure, before[measure])} > ${rateText(measure, after[measure])}`,
    ),
  ),
]

function rateText(measure: Measure, value: number): string {
  if (measure === 'bytes') return bytes(value)
  return value === 0 || value >= 100 ? count(value) : value.toPrecision(3)
}
