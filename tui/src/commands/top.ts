import { Command, Option } from 'commander'
import type { Recording } from '../store/recording.js'
import {
  TOP_ORDERS,
  TOP_PAGE_COLUMNS,
  TOP_SITE_COLUMNS,
  type TopOrder,
  type TopPage,
  topProcessColumns,
  type TopProcess,
  type TopSite,
  topVmaColumns,
  type TopVma,
} from '../views/top.js'
import { pageAddress } from '../views/units.js'
import { wholeNumber } from './arguments.js'
import { printJson, withoutNoHost } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'
import { between, betweenNs, MOMENTS, type Between } from './times.js'

interface TopOptions extends Between {
  readonly by: TopOrder
  readonly vmas?: true
  readonly sites?: true
  readonly pages?: true
  readonly limit: number
  readonly json?: true
}

const EMPTY = 'Nothing was counted.'
const NO_SITES = 'No call stack was taken: cowpath record --stacks user'
/** One of these is listed. */
const LISTS = ['processes', 'vmas', 'sites', 'pages'] as const

export function topCommand(): Command {
  const command = new Command('top')
    .description('lists the processes (or vmas, call sites, pages) that copy-on-write cost most')
    .argument('<recording>', 'a file that cowpath record wrote')
  return between(command, 'what was counted')
    .addOption(new Option('--by <what>', 'what to sort by').choices(TOP_ORDERS).default('copies'))
    .addOption(listed('processes', 'processes (this is the default)'))
    .addOption(listed('vmas', 'vmas: the address ranges that fork copied'))
    .addOption(listed('sites', 'the code that wrote, where call stacks were recorded'))
    .addOption(listed('pages', 'pages, by how often they were copied', ['since', 'until']))
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      `\nCounts are by the second. ${MOMENTS}\nExit status: 0 done, 1 the file cannot be read.`,
    )
    .action((path: string, options: TopOptions) => {
      withRecording(path, (recording) => {
        if (options.pages) listPages(recording, options)
        else if (options.vmas) listVmas(recording, options)
        else if (options.sites) listSites(recording, options)
        else listProcesses(recording, options)
      })
    })
}

function listed(name: (typeof LISTS)[number], words: string, others: readonly string[] = []): Option {
  return new Option(`--${name}`, words).conflicts([...LISTS.filter((list) => list !== name), ...others])
}

/** Rows of a query that counts what happened between two moments. */
function counted<Row>(recording: Recording, query: string, { by, limit, ...times }: TopOptions): Row[] {
  return recording.ask<Row>(query, { by, limit, ...betweenNs(recording, times) })
}

function listProcesses(recording: Recording, options: TopOptions): void {
  const rows = counted<TopProcess>(recording, 'top-processes', options)
  if (options.json) printJson(rows.map(withoutNoHost))
  else printTable(topProcessColumns(rows), rows, { sortedBy: options.by, empty: EMPTY })
}

function listVmas(recording: Recording, options: TopOptions): void {
  const rows = counted<TopVma>(recording, 'top-vmas', options)
  if (options.json)
    printJson(
      rows.map(({ vpn, ...row }) => ({
        ...withoutNoHost(row),
        address: vpn === null ? null : pageAddress(vpn),
      })),
    )
  else printTable(topVmaColumns(rows), rows, { sortedBy: options.by, empty: EMPTY })
}

function listSites(recording: Recording, options: TopOptions): void {
  const rows = counted<TopSite>(recording, 'top-sites', options)
  if (options.json) printJson(rows)
  else {
    const hasAny = rows.some(({ code }) => code !== null)
    printTable(TOP_SITE_COLUMNS, hasAny ? rows : [], { sortedBy: options.by, empty: NO_SITES })
  }
}

function listPages(recording: Recording, { limit, json }: TopOptions): void {
  const rows = recording.ask<TopPage>('top-pages', { limit })
  if (json) printJson(rows.map(({ vpn, ...row }) => ({ ...row, address: pageAddress(vpn) })))
  else printTable(TOP_PAGE_COLUMNS, rows, { sortedBy: 'copies', empty: EMPTY })
}
