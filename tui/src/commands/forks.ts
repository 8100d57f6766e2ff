import { Command } from 'commander'
import { FORK_COLUMNS, type ForkCost } from '../views/recorded/forks.js'
import { wholeNumber } from './arguments.js'
import { printJson } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'
import { between, betweenNs, MOMENTS, type Between } from './times.js'

interface ForksOptions extends Between {
  readonly limit: number
  readonly json?: true
}

export function forksCommand(): Command {
  const command = new Command('forks')
    .description('lists forks by the bytes that parent and child copied while the child lived')
    .argument('<recording>', 'a file that cowpath record wrote')
  return between(command, 'forks whose child lived')
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      '\nA copy counts for every fork in whose time it was made.\n' +
        `${MOMENTS}\nExit status: 0 done, 1 the file cannot be read.`,
    )
    .action((path: string, { limit, json, ...times }: ForksOptions) => {
      withRecording(path, (recording) => {
        const rows = recording.ask<ForkCost>('forks', { limit, ...betweenNs(recording, times) })
        if (json) printJson(rows)
        else printTable(FORK_COLUMNS, rows, { sortedBy: 'bytes', empty: 'Nothing was forked.' })
      })
    })
}
