import { Command } from 'commander'
import { FORK_COLUMNS, type ForkCost } from '../views/recorded/forks.js'
import { wholeNumber } from './arguments.js'
import { printJson } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'

export function forksCommand(): Command {
  return new Command('forks')
    .description('lists forks by the bytes that parent and child copied while the child lived')
    .argument('<recording>', 'a file that cowpath record wrote')
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      '\nA copy counts for every fork in whose time it was made. ' +
        'Exit status: 0 done, 1 the file cannot be read.',
    )
    .action((path: string, { limit, json }: { readonly limit: number; readonly json?: true }) => {
      withRecording(path, (recording) => {
        const rows = recording.ask<ForkCost>('forks', { limit })
        if (json) printJson(rows)
        else printTable(FORK_COLUMNS, rows, { sortedBy: 'bytes', empty: 'Nothing was forked.' })
      })
    })
}
