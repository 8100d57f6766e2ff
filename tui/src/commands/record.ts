import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { ExitStatus } from '../model/failure.js'
import type { Policy } from '../policy/policy.js'
import { Recording } from '../store/recording.js'
import { LiveModel } from '../views/live-model.js'
import { liveJson } from '../views/live-json.js'
import { lostEvents } from '../views/overview.js'
import { printable } from '../views/printable.js'
import type { WantedStacks } from '../wire/stack.js'
import { summaryLines } from '../views/summary.js'
import { count, duration } from '../views/units.js'
import { byteSize, timeSpan, wholeNumber } from './arguments.js'
import { onEndSignal } from './end-signals.js'
import { keepOf } from './keep.js'
import { collect, DEFAULT_ENDPOINT } from './live.js'
import { listenerOf, type FeedOf, type LiveFeed } from './feed.js'
import { printJson, printLine, printNote } from './output.js'
import { policyArgument, POLICY_WORDS } from './policy-argument.js'
import { outputOptions } from './reading.js'
import { totalsLine, totalsOf } from './totals.js'
import { stacksOption } from './stacks-option.js'

interface RecordOptions {
  readonly output: string
  readonly duration?: number
  readonly pid: readonly number[]
  readonly comm: readonly string[]
  readonly policy?: Policy
  readonly stacks?: WantedStacks
  readonly keep?: number
  readonly maxSize?: number
  readonly json?: true
}

export function recordCommand(feedOf: FeedOf): Command {
  return new Command('record')
    .description(
      'records what an agent sees into a file, until ^C or --duration; waits for an agent that went away',
    )
    .argument('[endpoint]', 'unix:///PATH or tcp://127.0.0.1:PORT', DEFAULT_ENDPOINT)
    .requiredOption('-o, --output <file>', 'the recording: a new file, or one to go on with')
    .option('--duration <seconds>', 'end after this long', wholeNumber)
    .option('--keep <span>', 'remove what is older than this: 90s, 30m, 2h, 7d', timeSpan)
    .option('--max-size <size>', 'remove the oldest where the file would be larger: 500M, 5G', byteSize)
    .option('--pid <pid>', 'only this process; may be repeated', collect(wholeNumber), [])
    .option('--comm <name>', 'only processes of this name; may be repeated', collect(String), [])
    .addOption(stacksOption())
    .option(
      '--policy <policy>',
      `judge by: ${POLICY_WORDS}; else by what the traced kernel promises`,
      policyArgument,
    )
    .option('--json', 'the summary as one JSON value')
    .addHelpText(
      'after',
      '\nA recording that was cut off, by kill -9 or a crash, goes on where it ended: name the same file again.\n' +
        'What --keep and --max-size remove is told by cowpath gaps; findings, their evidence and the history of the\n' +
        'pages that they are about stay. A recording of which something was removed goes on without what was open in it.\n' +
        'The last line of the summary is: events=N pages=N copies=N findings=N lost=N db=PATH',
    )
    .action(async (endpoint: string, options: RecordOptions) => {
      const feed = feedOf(endpoint, {
        target: { pids: options.pid, comms: options.comm },
        recordTo: options.output,
        keep: keepOf(options),
        ...(options.policy === undefined ? {} : { policy: options.policy }),
        ...(options.stacks === undefined ? {} : { stacks: options.stacks }),
      })
      process.exitCode = await recordFrom(feed, options)
    })
}

const PROGRESS_MS = 1000

/** Records until the feed ends, a signal comes or the time is over; prints the summary. Returns the exit status. */
export async function recordFrom(
  feed: LiveFeed,
  { output, duration: seconds, json }: Pick<RecordOptions, 'output' | 'duration' | 'json'>,
): Promise<number> {
  const ended = new AbortController()
  let status: number = ExitStatus.Ok
  onEndSignal((by) => {
    status = by
    ended.abort()
  })
  if (existsSync(output)) printNote(`going on with ${printable(output, 'unicode')}`)
  const model = new LiveModel(feed.endpoint)
  const began = Date.now()
  const progress = startProgress(model, began)
  let timer: NodeJS.Timeout | undefined
  try {
    const told = listenerOf(model, feed.policy)
    await feed.run(
      {
        ...told,
        connection: (connection) => {
          told.connection(connection)
          if (connection.state === 'reconnecting')
            progress.note(`recording is interrupted: ${printable(connection.why, 'unicode')}`)
        },
        item: (item) => {
          told.item(item)
          if (item.type === 'started' && seconds !== undefined)
            timer ??= setTimeout(() => {
              ended.abort()
            }, seconds * 1000)
        },
      },
      ended.signal,
    )
  } finally {
    clearTimeout(timer)
    progress.end()
  }
  if (existsSync(output)) tell(output, model, Date.now() - began, json)
  return status
}

function tell(path: string, model: LiveModel, lastedMs: number, json: true | undefined): void {
  const recording = Recording.open(path)
  try {
    const totals = totalsOf(recording)
    if (json) {
      printJson({ ...liveJson(model.snapshot()), recorded: totals, db: path })
      return
    }
    summaryLines(model.snapshot(), lastedMs * 1e6, outputOptions(process.env)).forEach(printLine)
    printLine(totalsLine(totals, path))
  } finally {
    recording.close()
  }
}

/** One line on the terminal of stderr that counts up; nothing where that is no terminal. */
function startProgress(model: LiveModel, began: number): { note(text: string): void; end(): void } {
  if (!process.stderr.isTTY) return { note: printNote, end: () => undefined }
  const clear = () => process.stderr.write('\r\x1b[K')
  const timer = setInterval(() => {
    const { totals } = model
    const lost = lostEvents(model.brief())
    clear()
    process.stderr.write(
      `recording ${duration((Date.now() - began) * 1e6)}: ${count(totals.events)} events, ` +
        `${count(totals.copies)} copies, ${count(lost)} lost (^C ends)`,
    )
  }, PROGRESS_MS)
  return {
    note: (text) => {
      clear()
      printNote(text)
    },
    end: () => {
      clearInterval(timer)
      clear()
    },
  }
}
