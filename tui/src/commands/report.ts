import { basename } from 'node:path'
import { Command } from 'commander'
import { policyFor } from '../policy/policies.js'
import { report } from '../report/report.js'
import { printLine } from './output.js'
import { withRecording } from './reading.js'
import { ruleTexts } from './rule-texts.js'
import { writeResult } from './write-result.js'

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'writes a recording as one HTML page: findings, lineage, heat map, forks, pins, what was not seen',
    )
    .argument('<recording>', 'a file that cowpath record wrote')
    .requiredOption('-o, --output <file>', 'the page; one that is there is replaced')
    .addHelpText(
      'after',
      '\nThe page needs no network and no script. Exit status: 0 done, 1 a file cannot be read or written.',
    )
    .action((path: string, { output }: { readonly output: string }) => {
      withRecording(path, (recording) => {
        const page = report(recording, basename(path), (release) => ruleTexts(policyFor(release)))
        writeResult(output, [page])
      })
      printLine(output)
    })
}
