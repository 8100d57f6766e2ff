import { Command, Option } from 'commander'
import { ExitStatus } from '../model/failure.js'
import { isAlarm, RULE_IDS, VERDICTS, type RuleId, type Verdict } from '../model/finding.js'
import { Recording } from '../store/recording.js'
import { findingJson, findingLines, type RecordedFinding } from '../views/recorded/findings.js'
import { wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { outputOptions, withRecording } from './reading.js'
import { printLines } from './tables.js'
import { between, betweenNs, MOMENTS, type Between } from './times.js'

export interface FindingFilter extends Between {
  readonly rule?: RuleId
  readonly verdict?: Verdict
  readonly pid?: number
  readonly all?: true
  readonly json?: true
}

/** Where findings are asked: a recording, or what was just concluded from one. */
export interface FindingSource {
  ask<Row>(query: string, parameters: Readonly<Record<string, string | number | null>>): Row[]
}

export function findingsCommand(): Command {
  const command = new Command('findings')
    .description('lists what the rules found: who lost or leaked data, why, and how often')
    .argument('<recording>', 'a file that cowpath record wrote')
  return filtered(command).action((path: string, filter: FindingFilter) => {
    process.exitCode = withRecording(path, (recording) => tellFindings(recording, recording, filter))
  })
}

/** The options by which findings are chosen, and what their exit status means. */
export function filtered(command: Command): Command {
  return between(command, 'what was observed')
    .addOption(new Option('--rule <id>', 'only this rule').choices(RULE_IDS))
    .addOption(new Option('--verdict <verdict>', 'only this verdict').choices(VERDICTS).conflicts('all'))
    .option('--pid <pid>', 'only of this process', wholeNumber)
    .option('--all', 'advice, measurements and what could not be said as well')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `\n${MOMENTS}\n` +
        'Exit status: 0 nothing dangerous among them, 3 a hazard or a violation among them, ' +
        '1 the file cannot be read.',
    )
}

/** All findings of a recording as `findings --json --all` prints them. */
export function findingsText(recording: string): string {
  const source = Recording.open(recording)
  try {
    return findingRows(source, source, { all: true })
      .map((row) => `${JSON.stringify(findingJson(row))}\n`)
      .join('')
  } finally {
    source.close()
  }
}

/** Prints what was found in the recording, as the filter wants it, the most alarming first. Returns the exit status. */
export function tellFindings(recording: Recording, source: FindingSource, filter: FindingFilter): number {
  const rows = findingRows(recording, source, filter)
  if (filter.json) for (const row of rows) printJson(findingJson(row))
  else if (rows.length === 0) printLine('Nothing of that kind was found.')
  else printLines(findingLines(rows, outputOptions(process.env)))
  return rows.some(isAlarm) ? ExitStatus.Found : ExitStatus.Ok
}

function findingRows(
  recording: Recording,
  source: FindingSource,
  filter: FindingFilter,
): readonly RecordedFinding[] {
  return source.ask<RecordedFinding>('findings', {
    least: filter.all || filter.verdict !== undefined ? 0 : VERDICTS.indexOf('self-inflicted'),
    verdict: filter.verdict ?? null,
    rule: filter.rule ?? null,
    tgid: filter.pid ?? null,
    ...betweenNs(recording, filter),
    limit: NO_LIMIT,
  })
}

/** SQLite: a negative limit is none. The rules bound how many findings there are. */
const NO_LIMIT = -1
