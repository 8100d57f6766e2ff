#!/usr/bin/env node
import { Command } from 'commander'
import { requireAgent } from './commands/agent-binary.js'
import { checkCommand } from './commands/check.js'
import { countersCommand } from './commands/counters.js'
import { diffCommand } from './commands/diff.js'
import { doctorCommand } from './commands/doctor.js'
import { exportCommand } from './commands/export.js'
import { reportFailure } from './commands/failing.js'
import type { FeedOf } from './commands/feed.js'
import { findingsCommand, findingsText } from './commands/findings.js'
import { forksCommand } from './commands/forks.js'
import { gapsCommand } from './commands/gaps.js'
import { followGuestOver } from './commands/guest-follower.js'
import { gupStatsCommand } from './commands/gup-stats.js'
import { importCommand } from './commands/import.js'
import { labCommand } from './commands/lab.js'
import { liveCommand } from './commands/live.js'
import { addManual } from './commands/manual.js'
import { mergeCommand } from './commands/merge.js'
import { openCommand } from './commands/open.js'
import { pageCommand } from './commands/page.js'
import { pinsCommand } from './commands/pins.js'
import { recordCommand } from './commands/record.js'
import { replayCommand } from './commands/replay.js'
import { reportCommand } from './commands/report.js'
import { simulateCommand } from './commands/simulate.js'
import { splitsCommand } from './commands/splits.js'
import { sqlCommand } from './commands/sql.js'
import { startCommand } from './commands/start.js'
import { topCommand } from './commands/top.js'
import { version } from './commands/version.js'
import { ExitStatus } from './model/failure.js'
import { Pipeline } from './pipeline.js'
import { Onlooker } from './pipeline/onlooker.js'
import { rulesUnder } from './pipeline/rules-under.js'
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

/** In the order of the help: watch, then ask, then all else. */
function commands(): readonly Command[] {
  const feedOf: FeedOf = (endpoint, options) => new Pipeline(endpoint, options)
  return [
    startCommand(feedOf),
    liveCommand(feedOf),
    openCommand((model) => {
      const onlooker = new Onlooker(rulesUnder(undefined), model)
      return (item) => {
        onlooker.take(item)
      }
    }),
    recordCommand(feedOf),
    labCommand(
      followGuestOver(feedOf),
      () => requireAgent(process.env),
      (recording) => Promise.resolve(findingsText(recording)),
    ),
    findingsCommand(),
    checkCommand(),
    replayCommand(),
    pageCommand(),
    pinsCommand(),
    forksCommand(),
    splitsCommand(),
    gupStatsCommand(),
    gapsCommand(),
    topCommand(),
    countersCommand(),
    sqlCommand(),
    diffCommand(),
    mergeCommand(),
    reportCommand(),
    exportCommand(),
    importCommand(),
    simulateCommand(),
    doctorCommand(),
  ]
}

function program(): Command {
  const cowpath = new Command('cowpath')
    .description(
      'Shows what fork, copy-on-write, page pins and huge pages do to memory on a live Linux host.',
    )
    .version(version(), '-V, --version')
    .option('--debug', 'with errors, print where they came from')
    .addHelpText('after', STATUSES)
  for (const command of commands()) {
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
  await program().parseAsync(process.argv)
} catch (error) {
  process.exitCode = reportFailure(error, process.argv)
}
