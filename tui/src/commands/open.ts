import { Command } from 'commander'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { showLive } from '../screen/live-screen.js'
import { Recording } from '../store/recording.js'
import { secondsSinceBoot } from './arguments.js'
import { signalStatus } from './live-session.js'
import { printNote } from './output.js'
import { RecordingPlayer, type Taker } from './recording-player.js'

interface OpenOptions {
  readonly at?: number
}

/** The dashboard over a recording; `taker` concludes from its events what a live one would. */
export function openCommand(taker: Taker): Command {
  return new Command('open')
    .description('shows a recording on the screen of live, and goes back and forth in it')
    .argument('<recording>', 'a file that cowpath record wrote')
    .option(
      '--at <seconds>',
      'begin there, in seconds since the host booted; without it: at the end',
      secondsSinceBoot,
    )
    .addHelpText(
      'after',
      '\nKeys: ? lists them. space plays, , and . step, J jumps, :speed 100 plays faster. Exit status: as live.',
    )
    .action(async (path: string, { at }: OpenOptions) => {
      requireTerminal(path)
      const recording = Recording.open(path)
      try {
        for (const remark of recording.remarks) printNote(remark)
        const player = new RecordingPlayer(recording, taker, () => performance.now())
        if (at !== undefined) player.seek(at)
        player.start()
        process.exitCode = signalStatus(await showLive(player, process.env, new AbortController().signal))
        player.stop()
      } finally {
        recording.close()
      }
    })
}

function requireTerminal(path: string): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return
  throw new CowpathError({
    what: `cannot show ${path}`,
    why: 'there is no terminal on stdin and stdout',
    todo: 'ask it by cowpath findings, top, page or sql',
    exitStatus: ExitStatus.Usage,
  })
}
