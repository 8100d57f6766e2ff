import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { Command } from 'commander'
import { QueryRunner, type Answer, type SqlValue } from '../store/query.js'
import { printable } from '../views/printable.js'
import { signs, type ViewOptions } from '../views/view-options.js'
import { clip, fit, textWidth } from '../views/width.js'
import { printJson, printLine, printNote } from './output.js'
import { outputOptions } from './reading.js'

/** Rows that are looked at to choose the widths of columns. */
const ROWS_MEASURED = 200
const WIDEST_COLUMN = 60
/** Rows between two breaths in which a reader that went away (`| head`) is noticed. */
const ROWS_A_BREATH = 500

export function sqlCommand(): Command {
  return new Command('sql')
    .description('asks a recording with plain SQL; without a query: reads it from stdin, or lists the tables')
    .argument('<recording>', 'a file that cowpath record wrote')
    .argument('[query]', 'one SELECT; the table `event` holds the raw events')
    .option('--json', 'one JSON object a row')
    .addHelpText(
      'after',
      '\nThe recording is never changed. db/README.md describes every table.\n' +
        'Exit status: 0 done, 1 the query or the file is wrong, 130 interrupted by ^C.',
    )
    .action(async (path: string, query: string | undefined, { json }: { readonly json?: true }) => {
      // Nothing here catches SIGINT: ^C ends the process at once, even within a query.
      const runner = new QueryRunner(path)
      try {
        runner.recording.remarks.forEach(printNote)
        const sql = query ?? (process.stdin.isTTY ? '' : await text(process.stdin))
        if (sql.trim() === '') listTables(runner, json)
        else if (json) await printRowsAsJson(runner.run(sql))
        else await printRows(runner.run(sql), outputOptions(process.env))
      } finally {
        runner.close()
      }
    })
}

function listTables(runner: QueryRunner, json: true | undefined): void {
  for (const table of runner.tables()) {
    if (json) printJson(table)
    else
      printLine(
        `${table.type.padEnd(6)} ${printable(table.name).padEnd(16)} ${printable(table.columns.join(', '))}`,
      )
  }
}

async function printRowsAsJson({ columns, rows }: Answer): Promise<void> {
  let printed = 0
  for (const row of rows) {
    printJson(Object.fromEntries(columns.map((name, i) => [name, jsonValue(row[i])])))
    if (++printed % ROWS_A_BREATH === 0) await setImmediate()
  }
}

async function printRows({ columns, rows }: Answer, options: ViewOptions): Promise<void> {
  const { cut } = signs(options.charset)
  const measured: string[][] = []
  const cells = (row: SqlValue[]) => row.map((value) => cellText(value, options))
  const more = () => {
    const next = rows.next()
    return next.done === true ? undefined : next.value
  }
  let row: SqlValue[] | undefined
  while (measured.length < ROWS_MEASURED && (row = more()) !== undefined) measured.push(cells(row))
  const titles = columns.map((name) => printable(name, options.charset))
  const widths = titles.map((title, i) =>
    Math.min(WIDEST_COLUMN, Math.max(textWidth(title), ...measured.map((each) => textWidth(each[i])))),
  )
  const line = (texts: readonly string[]) => {
    printLine(
      clip(
        texts.map((text, i) => fit(text, widths[i], 'left', cut)).join('  '),
        options.width,
        cut,
      ).trimEnd(),
    )
  }
  line(titles)
  measured.forEach(line)
  for (let printed = 0; (row = more()) !== undefined;) {
    line(cells(row))
    if (++printed % ROWS_A_BREATH === 0) await setImmediate()
  }
}

/** The value as text that is safe on a terminal. */
function cellText(value: SqlValue, options: ViewOptions): string {
  if (value === null) return 'NULL'
  if (Buffer.isBuffer(value)) return `x'${value.subarray(0, 32).toString('hex')}' (${value.length} bytes)`
  return printable(String(value), options.charset)
}

function jsonValue(value: SqlValue): unknown {
  return Buffer.isBuffer(value) ? value.toString('hex') : value
}
