import { Command } from 'commander'
import {
  gupAnswers,
  type CauseRow,
  type GupStats,
  type ProtectionRow,
  type RuleCountRow,
} from '../views/recorded/gup-stats.js'
import { TAKER_COLUMNS, type TakerRow } from '../views/recorded/pins.js'
import { wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'

export function gupStatsCommand(): Command {
  return new Command('gup-stats')
    .description('tells how common GUP without FOLL_WRITE on a shared COW page is, by whom, and for how long')
    .argument('<recording>', 'a file that cowpath record wrote')
    .option('--limit <rows>', 'how many takers', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText('after', '\nExit status: 0 done, 1 the file cannot be read.')
    .action((path: string, { limit, json }: { readonly limit: number; readonly json?: true }) => {
      withRecording(path, (recording) => {
        const stats: GupStats = {
          takers: recording.ask<TakerRow>('pins-by-taker', { limit: -1 }),
          reads: recording.ask<RuleCountRow>('rule-counts', { rule: 'A04' }),
          reads_by: recording.ask<CauseRow>('findings-by-cause', { rule: 'A04' }),
          held: recording.ask<RuleCountRow>('rule-counts', { rule: 'R03' }),
          protections: recording.ask<ProtectionRow>('protections', { limit: -1 }),
          refused_by: recording.ask<CauseRow>('findings-by-cause', { rule: 'R03' }),
        }
        if (json) printJson({ ...stats, takers: stats.takers.slice(0, limit) })
        else tell(stats, limit)
      })
    })
}

function tell(stats: GupStats, limit: number): void {
  for (const answer of gupAnswers(stats)) printLine(answer)
  printLine()
  printTable(TAKER_COLUMNS, stats.takers.slice(0, limit), { sortedBy: 'pins', empty: 'Nothing was taken.' })
}
