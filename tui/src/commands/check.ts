import { Command } from 'commander'
import { History } from '../history/history.js'
import { concludeAgain } from '../pipeline/conclude-again.js'
import { NO_FACTS } from '../model/facts.js'
import { Judges } from '../pipeline/judges.js'
import { rulesUnder } from '../pipeline/rules-under.js'
import type { Policy } from '../policy/policy.js'
import { JudgedAgain } from '../store/judged-again.js'
import type { Recording } from '../store/recording.js'
import { filtered, tellFindings, type FindingFilter } from './findings.js'
import { policyArgument, POLICY_WORDS } from './policy-argument.js'
import { withRecording } from './reading.js'

interface CheckOptions extends FindingFilter {
  readonly policy?: Policy
}

export function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'judges a recording again from its events, by the rules of this cowpath or under another policy',
    )
    .argument('<recording>', 'a file that cowpath record wrote')
    .option(
      '--policy <policy>',
      `what to judge by: ${POLICY_WORDS}; else by what the recorded kernel promises`,
      policyArgument,
    )
  return filtered(command).action((path: string, { policy, ...filter }: CheckOptions) => {
    process.exitCode = withRecording(path, (recording) => check(recording, policy, filter))
  })
}

function check(recording: Recording, policy: Policy | undefined, filter: FindingFilter): number {
  const judged = new JudgedAgain(recording)
  try {
    const judges = new Judges(rulesUnder(policy), judged)
    concludeAgain(recording, new History(NO_FACTS, { judge: judges }), judges)
    return tellFindings(recording, judged, filter)
  } finally {
    judged.close()
  }
}
