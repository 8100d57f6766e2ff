import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { isAlarm } from '../model/finding.js'
import { Recording } from '../store/recording.js'
import { findingLines } from '../views/finding-lines.js'
import { plainText } from '../views/line.js'
import { LiveModel } from '../views/live-model.js'
import type { LiveSnapshot } from '../views/live-snapshot.js'
import { liveJson } from '../views/live-json.js'
import { exampleLines, summaryLines } from '../views/summary.js'
import { pageView } from '../views/page.js'
import { count, pageAddress } from '../views/units.js'
import type { ViewOptions } from '../views/view-options.js'
import { wholeNumber } from './arguments.js'
import { GUEST_LOADS_MS } from './guest-follower.js'
import { onEndSignal } from './end-signals.js'
import { listenerOf, type FeedOf } from './feed.js'
import { runLiveScreen } from './live-session.js'
import { printJson, printLine } from './output.js'
import { sourceOf } from './page.js'
import { outputOptions } from './reading.js'
import { openStage, type Stage } from './stage.js'
import { totalsLine, totalsOf } from './totals.js'

interface StartOptions {
  readonly kernel?: string
  readonly seconds: number
  readonly json?: true
}

export function startCommand(feedOf: FeedOf): Command {
  return new Command('start')
    .description(
      'shows copy-on-write at work: on this host where it can be traced, else on a kernel booted for it',
    )
    .option('--kernel <series>', 'boot this kernel in any case: 5.10, 6.1, 6.12, 7.2')
    .option('--seconds <n>', 'without a terminal: how long to watch', wholeNumber, 20)
    .option('--json', 'no screen: one JSON value at the end')
    .addHelpText(
      'after',
      '\nWith a terminal this is the live screen. Without one it records, tells what it saw, and ends with the line\n' +
        'events=N pages=N copies=N findings=N lost=N db=PATH',
    )
    .action(async (options: StartOptions) => {
      const stage = await endingInOrder(() => openStage(process.env, options.kernel))
      try {
        const interactive = process.stdin.isTTY && process.stdout.isTTY && !options.json
        process.exitCode = interactive
          ? await runLiveScreen(
              [{ endpoint: stage.endpoint, firstWordMs: GUEST_LOADS_MS }],
              process.env,
              () => {
                stage.begin()
              },
            )
          : await recordAndTell(stage, feedOf, options)
      } finally {
        await stage.close()
      }
    })
}

/** While `step` runs, a signal ends the process by way of its exit handlers: they end the agent or the guest. */
async function endingInOrder<T>(step: () => Promise<T>): Promise<T> {
  const forget = onEndSignal((status) => process.exit(status))
  try {
    return await step()
  } finally {
    forget()
  }
}

/** Records for that long from the agent's first word on, then prints what a reader wants to see. */
async function recordAndTell(stage: Stage, feedOf: FeedOf, { seconds, json }: StartOptions): Promise<number> {
  const path = freshRecording(process.env)
  const model = new LiveModel(stage.endpoint)
  const told = listenerOf(model, undefined)
  const ended = new AbortController()
  let status: number = ExitStatus.Ok
  onEndSignal((by) => {
    status = by
    ended.abort()
  })
  const began = Date.now()
  let timer: NodeJS.Timeout | undefined
  await feedOf(stage.endpoint, { recordTo: path, firstWordMs: GUEST_LOADS_MS }).run(
    {
      ...told,
      item: (item) => {
        told.item(item)
        // An agent that was reconnected to says its first word again.
        if (item.type !== 'started' || timer !== undefined) return
        stage.begin()
        timer = setTimeout(() => {
          ended.abort()
        }, seconds * 1000)
      },
    },
    ended.signal,
  )
  clearTimeout(timer)
  tell(path, model, Date.now() - began, json)
  return status
}

function tell(path: string, model: LiveModel, lastedMs: number, json: true | undefined): void {
  const recording = Recording.open(path)
  try {
    const totals = totalsOf(recording)
    const snapshot = model.snapshot()
    if (json) {
      printJson({ ...liveJson(snapshot), recorded: totals, db: path })
      return
    }
    const options = outputOptions(process.env)
    summaryLines(snapshot, lastedMs * 1e6, options).forEach(printLine)
    tellExample(recording, path)
    tellFinding(snapshot, path, options)
    printLine(totalsLine(totals, path))
  } finally {
    recording.close()
  }
}

/** The most alarming finding, explained; or that nothing was found, and how much was looked at. */
function tellFinding(snapshot: LiveSnapshot, path: string, options: ViewOptions): void {
  const worst = snapshot.findings.find(isAlarm)
  if (worst === undefined) {
    const checked = snapshot.rules.reduce((sum, rule) => sum + rule.checked, 0)
    printLine(
      `No hazard and no violation in ${count(checked)} checks of rules (cowpath findings ${path} --all).`,
    )
  } else {
    const rule = snapshot.rules.find((row) => row.rule === worst.rule)
    printLine(`The most alarming finding (cowpath findings ${path}):`)
    printLine()
    for (const line of findingLines(worst, rule?.text, options)) printLine(plainText(line).trimEnd())
  }
  printLine()
}

interface ExamplePage {
  readonly tgid: number | null
  readonly vpn: number
  readonly pfn: number
}

function tellExample(recording: Recording, path: string): void {
  const [example] = recording.ask<ExamplePage | undefined>('example-page', {})
  if (example === undefined) return
  const { tgid, vpn, pfn } = example
  const target = tgid === null ? { pfn, atNs: null } : { tgid, vpn }
  const which = tgid === null ? `--pfn ${pfn}` : `--pid ${tgid} --addr ${pageAddress(vpn)}`
  printLine()
  printLine(`One page of many (cowpath page ${path} ${which}):`)
  exampleLines(pageView(sourceOf(recording), target), outputOptions(process.env)).forEach(printLine)
  printLine()
}

/** A new file among the state of this user (XDG base directories), named by the time. */
function freshRecording(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'] ?? ''
  const folder = join(state === '' ? join(homedir(), '.local', 'state') : state, 'cowpath')
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new CowpathError({
      what: `cannot record into ${folder}`,
      why: cause instanceof Error ? cause.message : String(cause),
      todo: 'set XDG_STATE_HOME to a folder that may be written',
      cause,
    })
  }
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  return join(folder, `start-${time}-${process.pid}.db`)
}
