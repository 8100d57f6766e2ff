import { once } from 'node:events'
import { Command, Option } from 'commander'
import { EXPORTS, type Exported } from '../report/exported.js'
import { jsonLines } from '../report/json-lines.js'
import { parquet } from '../report/parquet.js'
import { perfetto } from '../report/perfetto/trace.js'
import { CowpathError } from '../model/failure.js'
import { Recording } from '../store/recording.js'
import { printNote } from './output.js'
import { withRecording } from './reading.js'
import { writeResult } from './write-result.js'

const FORMATS = ['jsonl', 'parquet', 'perfetto'] as const
type Format = (typeof FORMATS)[number]

interface ExportOptions {
  readonly format: Format
  readonly what?: Exported
  readonly output?: string
}

export function exportCommand(): Command {
  return new Command('export')
    .description('writes a recording for other programs: JSON Lines, Parquet, or a Perfetto trace')
    .argument('<recording>', 'a file that cowpath record wrote')
    .addOption(new Option('--format <format>', 'of the output').choices(FORMATS).default('jsonl'))
    .addOption(new Option('--what <what>', 'what to write; without it: events').choices(EXPORTS))
    .option('-o, --output <file>', 'one that is there is replaced; without it: stdout')
    .addHelpText(
      'after',
      '\nTimes are ns since boot. jsonl: addresses hex, integers beyond 2^53 are strings. parquet: the same columns, typed.\n' +
        'perfetto: all of it on the tracks of its processes, to open in ui.perfetto.dev or trace_processor; --what does not apply.\n' +
        'Exit status: 0 done, 1 a file cannot be read or written.',
    )
    .action(async (path: string, { format, what, output }: ExportOptions) => {
      if (format === 'perfetto' && what !== undefined)
        throw new CowpathError({
          what: 'cannot choose --what of a Perfetto trace',
          why: 'a trace holds all facts',
          todo: 'leave --what out',
        })
      if (format !== 'jsonl' && output === undefined && process.stdout.isTTY)
        throw new CowpathError({
          what: `cannot print ${format}`,
          why: 'it is binary, and stdout is a terminal',
          todo: 'name a file: -o FILE',
        })
      if (output === undefined) await print(path, format, what)
      else
        withRecording(path, (recording) => {
          writeResult(output, pieces(recording, format, what))
        })
    })
}

function pieces(
  recording: Recording,
  format: Format,
  what: Exported = 'events',
): Iterable<string | Uint8Array> {
  if (format === 'perfetto') return perfetto(recording)
  if (format === 'parquet') return parquet(recording, what)
  return chunks(jsonLines(recording, what))
}

/** Waits where the reader is slow: a recording is greater than memory. */
async function print(path: string, format: Format, what: Exported | undefined): Promise<void> {
  const recording = Recording.open(path)
  try {
    for (const remark of recording.remarks) printNote(remark)
    for (const chunk of pieces(recording, format, what))
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
  } finally {
    recording.close()
  }
}

const CHUNK_CHARACTERS = 1 << 16

/** Lines, many at a time: a write costs more than a line. */
function* chunks(lines: Iterable<string>): Generator<string> {
  let chunk = ''
  for (const line of lines) {
    chunk += line
    if (chunk.length < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
