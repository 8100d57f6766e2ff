import { once } from 'node:events'
import { Command, Option } from 'commander'
import { EXPORTS, jsonLines, type Exported } from '../report/json-lines.js'
import { Recording } from '../store/recording.js'
import { printNote } from './output.js'
import { withRecording } from './reading.js'
import { writeResult } from './write-result.js'

interface ExportOptions {
  readonly what: Exported
  readonly output?: string
}

export function exportCommand(): Command {
  return new Command('export')
    .description('writes events or facts of a recording as JSON Lines, for other programs')
    .argument('<recording>', 'a file that cowpath record wrote')
    .addOption(new Option('--format <format>', 'of the output').choices(['jsonl']).default('jsonl'))
    .addOption(new Option('--what <what>', 'what to write').choices(EXPORTS).default('events'))
    .option('-o, --output <file>', 'one that is there is replaced; without it: stdout')
    .addHelpText(
      'after',
      '\nTimes are ns since boot, addresses hex; integers beyond 2^53 are strings. ' +
        'Exit status: 0 done, 1 a file cannot be read or written.',
    )
    .action(async (path: string, { what, output }: ExportOptions) => {
      if (output === undefined) await print(path, what)
      else
        withRecording(path, (recording) => {
          writeResult(output, chunks(jsonLines(recording, what)))
        })
    })
}

/** Waits where the reader is slow: a recording is greater than memory. */
async function print(path: string, what: Exported): Promise<void> {
  const recording = Recording.open(path)
  try {
    for (const remark of recording.remarks) printNote(remark)
    for (const chunk of chunks(jsonLines(recording, what)))
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
