import { Command } from 'commander'
import { ANOMALY_COLUMNS, GAP_COLUMNS, type AnomalyRow, type GapRow } from '../views/recorded/gaps.js'
import { wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'

export function gapsCommand(): Command {
  return new Command('gaps')
    .description('lists where events were lost, and what the events said that cannot be')
    .argument('<recording>', 'a file that cowpath record wrote')
    .option('--limit <rows>', 'how many of each', wholeNumber, 100)
    .option('--json', 'one JSON value')
    .addHelpText('after', '\nExit status: 0 done, 1 the file cannot be read.')
    .action((path: string, { limit, json }: { readonly limit: number; readonly json?: true }) => {
      withRecording(path, (recording) => {
        const gaps = recording.ask<GapRow>('gaps', { limit })
        const anomalies = recording.ask<AnomalyRow>('anomalies', { limit })
        if (json) {
          printJson({ gaps, anomalies })
          return
        }
        printTable(GAP_COLUMNS, gaps, { empty: 'No event was lost.' })
        printLine()
        printTable(ANOMALY_COLUMNS, anomalies, { empty: 'No event contradicted another.' })
      })
    })
}
