import { Command } from 'commander'
import { CowpathError, ExitStatus } from '../model/failure.js'
import type { Policy } from '../policy/policy.js'
import type { WantedStacks } from '../wire/stack.js'
import { byteSize, timeSpan, wholeNumber } from './arguments.js'
import type { FeedOf } from './feed.js'
import { keepOf } from './keep.js'
import { runLiveJson, runLiveScreen } from './live-session.js'
import { policyArgument, POLICY_WORDS } from './policy-argument.js'
import { stacksOption } from './stacks-option.js'

interface LiveOptions {
  readonly pid: readonly number[]
  readonly comm: readonly string[]
  readonly record?: string
  readonly keep?: number
  readonly maxSize?: number
  readonly policy?: Policy
  readonly stacks?: WantedStacks
  readonly json?: true
}

/** Where an agent listens when it is not told otherwise. */
export const DEFAULT_ENDPOINT = 'unix:///run/cowpath/agent.sock'

export function liveCommand(feedOf: FeedOf): Command {
  return new Command('live')
    .description('shows on a screen what an agent sees now: rates, processes, pages')
    .argument('[endpoints...]', `agents: unix:///PATH or tcp://127.0.0.1:PORT (default: ${DEFAULT_ENDPOINT})`)
    .option('--pid <pid>', 'only this process; may be repeated', collect(wholeNumber), [])
    .option('--comm <name>', 'only processes of this name; may be repeated', collect(String), [])
    .option('--record <file>', 'record as well, into a new file')
    .option('--keep <span>', 'with --record: remove what is older than this: 90s, 30m, 2h, 7d', timeSpan)
    .option(
      '--max-size <size>',
      'with --record: remove the oldest where the file would be larger: 500M, 5G',
      byteSize,
    )
    .addOption(stacksOption())
    .option(
      '--policy <policy>',
      `judge by: ${POLICY_WORDS}; else by what the traced kernel promises`,
      policyArgument,
    )
    .option('--json', 'no screen: one JSON value a second')
    .addHelpText('after', '\nKeys: ? lists them. Exit status: 0 quit by key, 1 no agent, 128+N signal N.')
    .action(async (endpoints: readonly string[], options: LiveOptions) => {
      const chosen = endpoints.length === 0 ? [DEFAULT_ENDPOINT] : endpoints
      if (chosen.length > 1 && (options.record !== undefined || options.json))
        throw new CowpathError({
          what: 'cannot look at several agents so',
          why: '--record and --json are for one',
          todo: 'run one cowpath for each agent',
          exitStatus: ExitStatus.Usage,
        })
      const { policy, record, keep, maxSize } = options
      if (record === undefined && (keep !== undefined || maxSize !== undefined))
        throw new CowpathError({
          what: 'cannot keep a part of what is not recorded',
          why: '--keep and --max-size are about a recording',
          todo: 'name its file with --record',
          exitStatus: ExitStatus.Usage,
        })
      const asked = {
        target: { pids: options.pid, comms: options.comm },
        ...(record === undefined ? {} : { recordTo: record, keep: keepOf(options) }),
        ...(options.stacks === undefined ? {} : { stacks: options.stacks }),
      }
      process.exitCode = options.json
        ? await runLiveJson(feedOf(chosen[0], policy === undefined ? asked : { ...asked, policy }))
        : await runLiveScreen(
            chosen.map((endpoint) => ({
              endpoint,
              ...asked,
              // The thread that listens is told the series that the policy stands for: a policy has functions.
              ...(policy === undefined ? {} : { policy: policy.version }),
            })),
            process.env,
          )
    })
}

/** An option that may be given several times. */
export function collect<T>(read: (text: string) => T) {
  return (text: string, before: readonly T[]): readonly T[] => [...before, read(text)]
}
