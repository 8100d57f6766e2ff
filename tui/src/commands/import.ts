import { createReadStream, existsSync, rmSync } from 'node:fs'
import { Command } from 'commander'
import { Imported, type ImportCounts } from '../import/imported.js'
import { linesOf } from '../import/lines.js'
import type { StreamItem } from '../model/events.js'
import { CowpathError } from '../model/failure.js'
import { Recorder } from '../pipeline/recorder.js'
import { rulesUnder } from '../pipeline/rules-under.js'
import type { Policy } from '../policy/policy.js'
import { Recording } from '../store/recording.js'
import { count } from '../views/units.js'
import { printJson, printLine, printNote } from './output.js'
import { policyArgument, POLICY_WORDS } from './policy-argument.js'
import { totalsLine, totalsOf } from './totals.js'

interface ImportOptions {
  readonly output: string
  readonly policy?: Policy
  readonly json?: true
}

const HELP = `
On the host that has no agent (bpftrace 0.23 or newer, Linux 6.1 or newer, as root):
  BPFTRACE_MAX_MAP_KEYS=1000000 bpftrace -f json cowpath.bt PID >run.json
The script is agent/bpftrace/cowpath.bt. It tells fewer legs than the agent: rules that need the others answer unknown.

Lines that cannot be read are counted and left out, what bpftrace lost becomes a gap.
The last line of the summary is: events=N pages=N copies=N findings=N lost=N db=PATH
Exit status: 0 done, 1 the file cannot be read, holds nothing of the script, or the recording cannot be written.`

export function importCommand(): Command {
  return new Command('import')
    .description(
      'makes a recording of what the bpftrace script cowpath.bt printed, for hosts without the agent',
    )
    .argument('<file>', 'what `bpftrace -f json cowpath.bt PID` printed; - for stdin')
    .requiredOption('-o, --output <file>', 'the recording, a new file')
    .option(
      '--policy <policy>',
      `judge by: ${POLICY_WORDS}; else by what the traced kernel promises`,
      policyArgument,
    )
    .option('--json', 'the summary as one JSON value')
    .addHelpText('after', HELP)
    .action(async (file: string, { output, policy, json }: ImportOptions) => {
      const counts = await importInto(output, file, policy)
      tell(output, counts, json)
    })
}

async function importInto(output: string, file: string, policy: Policy | undefined): Promise<ImportCounts> {
  if (existsSync(output))
    throw new CowpathError({
      what: `cannot import into ${output}`,
      why: 'it is there already',
      todo: 'name a new file',
    })
  const recorder = await Recorder.open(output, rulesUnder(policy))
  const imported = new Imported()
  const take = async (items: readonly StreamItem[]) => {
    for (const item of items) await recorder.take(item)
  }
  try {
    for await (const line of linesOf(reading(file))) await take(imported.take(line))
    if (!imported.hasBegun)
      throw new CowpathError({
        what: `cannot import ${shown(file)}`,
        why: `none of its ${imported.counts.lines} lines is the first one of cowpath.bt`,
        todo: 'see that it was made by bpftrace -f json cowpath.bt PID',
      })
    await take(imported.finish())
  } finally {
    await recorder.close()
    if (!recorder.hasBegun) rmSync(output, { force: true })
  }
  return imported.counts
}

async function* reading(file: string): AsyncGenerator<Uint8Array> {
  const stream: AsyncIterable<Uint8Array> = file === '-' ? process.stdin : createReadStream(file)
  try {
    yield* stream
  } catch (cause) {
    throw new CowpathError({
      what: `cannot read ${shown(file)}`,
      why: cause instanceof Error ? cause.message : String(cause),
      todo: 'name a file that bpftrace wrote',
      cause,
    })
  }
}

function shown(file: string): string {
  return file === '-' ? 'stdin' : file
}

function tell(output: string, counts: ImportCounts, json: true | undefined): void {
  const { lines, garbled, missing, saidLost } = counts
  const recording = Recording.open(output)
  try {
    const totals = totalsOf(recording)
    if (json) {
      const read = { lines, garbled_lines: garbled, missing_lines: missing, said_lost: saidLost }
      printJson({ read, recorded: totals, db: output })
      return
    }
    if (garbled > 0)
      printNote(`${count(garbled)} of ${count(lines)} lines could not be read and were left out`)
    if (missing > 0 || saidLost > 0)
      printNote(`lines are missing: ${count(Math.max(missing, saidLost))}; see cowpath gaps`)
    printLine(totalsLine(totals, output))
  } finally {
    recording.close()
  }
}
