import { Command } from 'commander'
import type { EventColumns } from '../model/events.js'
import type { Policy } from '../policy/policy.js'
import { replayUnder, type ReplayResult } from '../policy/replay/replay.js'
import type { Recording } from '../store/recording.js'
import { storedAgents } from '../store/stored-stream.js'
import { replayColumns, replayRows, type ReplayTally } from '../views/recorded/replay.js'
import { count } from '../views/units.js'
import { printJson, printLine } from './output.js'
import { policyArgument, POLICY_WORDS } from './policy-argument.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'

interface ReplayOptions {
  readonly policy: Policy
  readonly json?: true
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('tells what another kernel would have done with what the recorded processes did')
    .argument('<recording>', 'a file that cowpath record wrote')
    .requiredOption('--policy <policy>', `whose rules: ${POLICY_WORDS}`, policyArgument)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      '\nTaken over: fork, writes that faulted, GUP, unpin, mprotect, unmap, exit. Left out on both sides: what the kernel\n' +
        'does on its own account (swap, migration, KSM, collapse). Writes that made no fault cannot be replayed.\n' +
        'Exit status: 0 done, 1 the file cannot be read.',
    )
    .action((path: string, { policy, json }: ReplayOptions) => {
      withRecording(path, (recording) => {
        const result = replayed(recording, policy)
        if (json) printJson(result)
        else tell(result)
      })
    })
}

/** Numbers of an agent mean something within its run only: each run is replayed by itself, and their sums told. */
function replayed(recording: Recording, policy: Policy): ReplayResult {
  const results = storedAgents(recording).map(({ run }) => replayUnder(policy, eventsOf(recording, run)))
  const sum = (value: (result: ReplayResult) => number) =>
    results.reduce((total, result) => total + value(result), 0)
  return {
    policy: policy.name,
    operations: sum(({ operations }) => operations),
    leftOut: sum(({ leftOut }) => leftOut),
    pagesNotFollowed: sum(({ pagesNotFollowed }) => pagesNotFollowed),
    asRecorded: sumOf(results.map(({ asRecorded }) => asRecorded)),
    replayed: sumOf(results.map((result) => result.replayed)),
  }
}

function* eventsOf(recording: Recording, run: number): Generator<EventColumns> {
  for (const block of recording.events(undefined, run)) yield block.events
}

const NONE: ReplayTally = {
  copies: 0,
  unshares: 0,
  forkCopies: 0,
  reuses: 0,
  copiedBytes: 0,
  pinsDiverged: 0,
  getsDiverged: 0,
  pinsLeaked: 0,
  getsLeaked: 0,
}

function sumOf(tallies: readonly ReplayTally[]): ReplayTally {
  return tallies.reduce(
    (sum, tally) => ({
      copies: sum.copies + tally.copies,
      unshares: sum.unshares + tally.unshares,
      forkCopies: sum.forkCopies + tally.forkCopies,
      reuses: sum.reuses + tally.reuses,
      copiedBytes: sum.copiedBytes + tally.copiedBytes,
      pinsDiverged: sum.pinsDiverged + tally.pinsDiverged,
      getsDiverged: sum.getsDiverged + tally.getsDiverged,
      pinsLeaked: sum.pinsLeaked + tally.pinsLeaked,
      getsLeaked: sum.getsLeaked + tally.getsLeaked,
    }),
    NONE,
  )
}

function tell({ policy, operations, leftOut, pagesNotFollowed, asRecorded, replayed }: ReplayResult): void {
  printTable(replayColumns(policy), replayRows(asRecorded, replayed), { empty: 'Nothing was measured.' })
  printLine()
  printLine(`${count(operations)} operations of processes; ${count(leftOut)} of the kernel itself left out.`)
  if (pagesNotFollowed > 0)
    printLine(`${count(pagesNotFollowed)} pages were too many to follow: neither side counts them.`)
}
