import { Command } from 'commander'
import { mergeRecordings } from '../store/merge.js'
import { printJson, printLine } from './output.js'
import { withRecording } from './reading.js'
import { totalsLine, totalsOf } from './totals.js'

interface MergeOptions {
  readonly output: string
  readonly json?: true
}

export function mergeCommand(): Command {
  return new Command('merge')
    .description('makes one recording of several, of one host or of many')
    .argument('<recordings...>', 'files that cowpath record wrote')
    .requiredOption('-o, --output <file>', 'a new file')
    .option('--json', 'the totals as one JSON value')
    .addHelpText(
      'after',
      '\nTimes of all hosts become those of the one that booted first, by what their wall clocks said: across hosts they are as\n' +
        'exact as those clocks agree. The recordings are not changed.\n' +
        'Exit status: 0 done, 1 one cannot be read, two hold the same run of an agent, or the file is there already.',
    )
    .action((paths: readonly string[], { output, json }: MergeOptions) => {
      mergeRecordings(paths, output)
      withRecording(output, (recording) => {
        const totals = totalsOf(recording)
        if (json) printJson({ ...totals, db: output })
        else printLine(totalsLine(totals, output))
      })
    })
}
