import { Command, Option } from 'commander'
import {
  TOP_ORDERS,
  TOP_PAGE_COLUMNS,
  type TopOrder,
  type TopPage,
  topProcessColumns,
  type TopProcess,
} from '../views/top.js'
import { pageAddress } from '../views/units.js'
import { wholeNumber } from './arguments.js'
import { printJson } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'
import { between, betweenNs, MOMENTS, type Between } from './times.js'

interface TopOptions extends Between {
  readonly by: TopOrder
  readonly pages?: true
  readonly limit: number
  readonly json?: true
}

const EMPTY = 'Nothing was counted.'

export function topCommand(): Command {
  const command = new Command('top')
    .description('lists the processes (or pages) that copy-on-write cost most')
    .argument('<recording>', 'a file that cowpath record wrote')
  return between(command, 'what was counted')
    .addOption(new Option('--by <what>', 'what to sort processes by').choices(TOP_ORDERS).default('copies'))
    .option('--processes', 'processes (this is the default)')
    .addOption(
      new Option('--pages', 'pages, by how often they were copied').conflicts([
        'processes',
        'since',
        'until',
      ]),
    )
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      `\nCounts are by the second. ${MOMENTS}\nExit status: 0 done, 1 the file cannot be read.`,
    )
    .action((path: string, { by, pages, limit, json, ...times }: TopOptions) => {
      withRecording(path, (recording) => {
        if (pages) {
          const rows = recording.ask<TopPage>('top-pages', { limit })
          if (json) printJson(rows.map(({ vpn, ...row }) => ({ ...row, address: pageAddress(vpn) })))
          else printTable(TOP_PAGE_COLUMNS, rows, { sortedBy: 'copies', empty: EMPTY })
        } else {
          const rows = recording.ask<TopProcess>('top-processes', {
            by,
            limit,
            ...betweenNs(recording, times),
          })
          if (json)
            printJson(rows.map(({ hostname, ...row }) => (hostname === null ? row : { hostname, ...row })))
          else printTable(topProcessColumns(rows), rows, { sortedBy: by, empty: EMPTY })
        }
      })
    })
}
