import { Command, Option } from 'commander'
import { plainText } from '../views/line.js'
import { renderTable, type Column } from '../views/table.js'
import {
  TOP_ORDERS,
  TOP_PAGE_COLUMNS,
  TOP_PROCESS_COLUMNS,
  type TopOrder,
  type TopPage,
  type TopProcess,
} from '../views/top.js'
import { pageAddress } from '../views/units.js'
import { signs } from '../views/view-options.js'
import { wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { outputOptions, withRecording } from './reading.js'

interface TopOptions {
  readonly by: TopOrder
  readonly pages?: true
  readonly limit: number
  readonly json?: true
}

export function topCommand(): Command {
  return new Command('top')
    .description('lists the processes (or pages) that copy-on-write cost most')
    .argument('<recording>', 'a file that cowpath record wrote')
    .addOption(new Option('--by <what>', 'what to sort processes by').choices(TOP_ORDERS).default('copies'))
    .option('--processes', 'processes (this is the default)')
    .addOption(new Option('--pages', 'pages, by how often they were copied').conflicts('processes'))
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText('after', '\nExit status: 0 done, 1 the file cannot be read.')
    .action((path: string, { by, pages, limit, json }: TopOptions) => {
      withRecording(path, (recording) => {
        if (pages) {
          const rows = recording.ask<TopPage>('top-pages', { limit })
          if (json) printJson(rows.map(({ vpn, ...row }) => ({ ...row, address: pageAddress(vpn) })))
          else printTable(TOP_PAGE_COLUMNS, rows, 'copies')
        } else {
          const rows = recording.ask<TopProcess>('top-processes', { by, limit })
          if (json) printJson(rows)
          else printTable(TOP_PROCESS_COLUMNS, rows, by)
        }
      })
    })
}

function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], sortedBy: string): void {
  const { width, charset } = outputOptions(process.env)
  const { cut, down } = signs(charset)
  for (const line of renderTable(columns, rows, { width, sortedBy, sortMark: down, cutMark: cut }))
    printLine(plainText(line).trimEnd())
  if (rows.length === 0) printLine('Nothing was counted.')
}
