#!/usr/bin/env node
import { Command } from 'commander'
import { reportFailure } from './commands/failing.js'
import type { FeedOf } from './commands/feed.js'
import { addManual } from './commands/manual.js'
import { version } from './commands/version.js'
import { ExitStatus } from './model/failure.js'
import { printable } from './views/printable.js'

const STATUSES = `
Exit status:
  ${ExitStatus.Ok}  done
  ${ExitStatus.Failed}  it could not be done; one line on stderr says why, and what to do
  ${ExitStatus.Usage}  the command line is wrong
  ${ExitStatus.NotReady}  doctor: this host cannot be traced as it is; findings, check: a hazard or a violation was found
  128+N  ended by signal N; what was recorded until then is kept
  lab passes on the exit status of its workload

Start with: cowpath doctor`

/** A pipeline, loaded when it is run: a screen's own thread never runs one. */
const feedOf: FeedOf = (endpoint, options) => ({
  endpoint,
  ...(options.policy === undefined ? {} : { policy: options.policy }),
  run: async (listener, ended) => {
    const { Pipeline } = await import('./pipeline.js')
    await new Pipeline(endpoint, options).run(listener, ended)
  },
})

/**
 * In the order of the help: watch, then ask, then all else. Each is loaded where it is asked for: all of them take 0.3 s and 25 MB.
 */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.js')).startCommand(feedOf),
  live: async () => (await import('./commands/live.js')).liveCommand(feedOf),
  open: async () => {
    const { openCommand } = await import('./commands/open.js')
    const { Onlooker } = await import('./pipeline/onlooker.js')
    const { rulesUnder } = await import('./pipeline/rules-under.js')
    return openCommand((model) => {
      const onlooker = new Onlooker(rulesUnder(undefined), model)
      return (item) => {
        onlooker.take(item)
      }
    })
  },
  record: async () => (await import('./commands/record.js')).recordCommand(feedOf),
  lab: async () => {
    const { labCommand } = await import('./commands/lab.js')
    const { followGuestOver } = await import('./commands/guest-follower.js')
    const { requireAgent } = await import('./commands/agent-binary.js')
    const { findingsText } = await import('./commands/findings.js')
    return labCommand(
      followGuestOver(feedOf),
      () => requireAgent(process.env),
      (recording) => Promise.resolve(findingsText(recording)),
    )
  },
  findings: async () => (await import('./commands/findings.js')).findingsCommand(),
  check: async () => (await import('./commands/check.js')).checkCommand(),
  replay: async () => (await import('./commands/replay.js')).replayCommand(),
  page: async () => (await import('./commands/page.js')).pageCommand(),
  pins: async () => (await import('./commands/pins.js')).pinsCommand(),
  forks: async () => (await import('./commands/forks.js')).forksCommand(),
  splits: async () => (await import('./commands/splits.js')).splitsCommand(),
  'gup-stats': async () => (await import('./commands/gup-stats.js')).gupStatsCommand(),
  gaps: async () => (await import('./commands/gaps.js')).gapsCommand(),
  top: async () => (await import('./commands/top.js')).topCommand(),
  counters: async () => (await import('./commands/counters.js')).countersCommand(),
  sql: async () => (await import('./commands/sql.js')).sqlCommand(),
  diff: async () => (await import('./commands/diff.js')).diffCommand(),
  merge: async () => (await import('./commands/merge.js')).mergeCommand(),
  report: async () => (await import('./commands/report.js')).reportCommand(),
  export: async () => (await import('./commands/export.js')).exportCommand(),
  import: async () => (await import('./commands/import.js')).importCommand(),
  simulate: async () => (await import('./commands/simulate.js')).simulateCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
}

/** The command that the first argument names, or all of them, for what tells of all: help, a word mistyped, the manual. */
function commands(first: string | undefined): Promise<readonly Command[]> {
  const named = Object.entries(COMMANDS).filter(([name]) => name === first)
  const wanted = named.length > 0 ? named : Object.entries(COMMANDS)
  return Promise.all(wanted.map(([, load]) => load()))
}

async function program(args: readonly string[]): Promise<Command> {
  const cowpath = new Command('cowpath')
    .description(
      'Shows what fork, copy-on-write, page pins and huge pages do to memory on a live Linux host.',
    )
    .version(version(), '-V, --version')
    .option('--debug', 'with errors, print where they came from')
    .addHelpText('after', STATUSES)
  for (const command of await commands(args[0])) {
    cowpath.addCommand(command.option('--debug', 'with errors, print where they came from'))
  }
  addManual(cowpath, version())
  // Thrown, so that one place decides how errors look and what the exit status is.
  for (const command of [cowpath, ...cowpath.commands]) {
    const help = command === cowpath ? 'cowpath --help' : `cowpath ${command.name()} --help`
    command.exitOverride().configureOutput({
      outputError: (text, write) => {
        write(usageLine(text, help))
      },
    })
  }
  return cowpath
}

/** Commander's complaint, which may take two lines and quote what was typed, as one printable line. */
function usageLine(text: string, help: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*)\?\)/, '. Did you mean $1?')
  return `cowpath: ${printable(line)}. See ${help}\n`.replace(/([.?])\. See/, '$1 See')
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The terminal is gone: SIGHUP comes as well, and lets what is being recorded end in order.
  if (error.code === 'EIO') return
  // A reader that went away (`| head`) is no error of ours: end quietly.
  process.exit(error.code === 'EPIPE' ? ExitStatus.Ok : reportFailure(error, process.argv))
})
process.on('uncaughtException', (error) => {
  process.exit(reportFailure(error, process.argv))
})

try {
  const cowpath = await program(process.argv.slice(2))
  await cowpath.parseAsync(process.argv)
} catch (error) {
  process.exitCode = reportFailure(error, process.argv)
}
