import { Command, Option } from 'commander'
import { Kind, Outcome } from '../model/kinds.js'
import type { Recording } from '../store/recording.js'
import {
  SPLIT_CAUSE_COLUMNS,
  SPLIT_COLUMNS,
  type SplitCause,
  type SplitCounts,
} from '../views/recorded/splits.js'
import { wholeNumber } from './arguments.js'
import { printJson } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'
import { between, betweenNs, MOMENTS, type Between } from './times.js'

interface SplitsOptions extends Between {
  readonly causes?: true
  readonly limit: number
  readonly json?: true
}

export function splitsCommand(): Command {
  const command = new Command('splits')
    .description('lists huge pages that were split, made, or refused to be, by process')
    .argument('<recording>', 'a file that cowpath record wrote')
  return between(command, 'what was counted')
    .addOption(
      new Option(
        '--causes',
        'splits by the kernel function that asked, with orders and errors (reads all events)',
      ).conflicts(['since', 'until']),
    )
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      `\nCounts are by the second. ${MOMENTS}\nExit status: 0 done, 1 the file cannot be read.`,
    )
    .action((path: string, { causes, limit, json, ...times }: SplitsOptions) => {
      withRecording(path, (recording) => {
        if (causes) {
          const rows = splitCauses(recording).slice(0, limit)
          if (json) printJson(rows)
          else printTable(SPLIT_CAUSE_COLUMNS, rows, { sortedBy: 'count', empty: EMPTY })
        } else {
          const rows = recording.ask<SplitCounts>('splits', { limit, ...betweenNs(recording, times) })
          if (json) printJson(rows)
          else printTable(SPLIT_COLUMNS, rows, { empty: EMPTY })
        }
      })
    })
}

const EMPTY = 'Nothing was split.'
/** Reasons of different processes that are told apart; a hostile recording may hold any number. */
const MOST_CAUSES = 100_000
const COLUMNS = ['kind', 'outcome', 'order', 'tgid', 'stack', 'aux'] as const

/** Counts splits by process, cause and result, the most frequent first. */
function splitCauses(recording: Recording): readonly SplitCause[] {
  const takers = takersOf(recording)
  const counted = new Map<string, SplitCause>()
  for (const { run, events } of recording.events(COLUMNS)) {
    for (let i = 0; i < events.length; i++) {
      if (events.kind[i] !== Kind.PmdSplit && events.kind[i] !== Kind.FolioSplit) continue
      const cause = takers.get(`${run} ${events.stack[i]}`) ?? null
      const split = {
        ...resultOf(events.kind[i], events.outcome[i], events.order[i], events.aux[i]),
        tgid: events.tgid[i],
        cause,
      }
      const key = JSON.stringify(split)
      const before = counted.get(key)
      if (before === undefined && counted.size === MOST_CAUSES) continue
      counted.set(key, { ...split, count: (before?.count ?? 0) + 1 })
    }
  }
  return [...counted.values()].sort((a, b) => b.count - a.count)
}

/** `aux` of a folio split: the new order in its low byte, or the errno above where the kernel refused. */
function resultOf(
  kind: number,
  outcome: number,
  order: number,
  aux: number,
): Pick<SplitCause, 'what' | 'from_order' | 'to_order' | 'errno'> {
  if (kind === Kind.PmdSplit) return { what: 'pmd-split', from_order: null, to_order: null, errno: null }
  if (outcome === Outcome.Failed)
    return { what: 'folio-split refused', from_order: order, to_order: null, errno: Math.floor(aux / 256) }
  return { what: 'folio-split', from_order: order, to_order: aux % 256, errno: null }
}

interface Taker {
  readonly run: number
  readonly stack: number
  readonly taker: string
}

function takersOf(recording: Recording): ReadonlyMap<string, string> {
  const rows = recording.ask<Taker>('takers', { limit: MOST_CAUSES })
  return new Map(
    rows.filter(({ taker }) => taker !== '').map(({ run, stack, taker }) => [`${run} ${stack}`, taker]),
  )
}
