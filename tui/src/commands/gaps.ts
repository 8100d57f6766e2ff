import { Command } from 'commander'
import { ANOMALY_COLUMNS, GAP_COLUMNS, type AnomalyRow, type GapRow } from '../views/recorded/gaps.js'
import { wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'
import { between, betweenNs, MOMENTS, type Between } from './times.js'

interface GapsOptions extends Between {
  readonly limit: number
  readonly json?: true
}

export function gapsCommand(): Command {
  const command = new Command('gaps')
    .description('lists where events were lost, and what the events said that cannot be')
    .argument('<recording>', 'a file that cowpath record wrote')
  return between(command, 'losses')
    .option('--limit <rows>', 'how many of each', wholeNumber, 100)
    .option('--json', 'one JSON value')
    .addHelpText('after', `\n${MOMENTS}\nExit status: 0 done, 1 the file cannot be read.`)
    .action((path: string, { limit, json, ...times }: GapsOptions) => {
      withRecording(path, (recording) => {
        const gaps = recording.ask<GapRow>('gaps', { limit, ...betweenNs(recording, times) })
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
