import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamItem } from '../model/events.js'
import { CowpathError, ExitStatus } from '../model/failure.js'
import type { Conclusions } from '../pipeline/conclusions.js'
import { policyFor } from '../policy/policies.js'
import type { Policy } from '../policy/policy.js'
import { showLive, type LiveSource } from '../screen/live-screen.js'
import type { EndSignal } from '../screen/terminal.js'
import { hostRow } from '../views/hosts.js'
import { liveJson } from '../views/live-json.js'
import { LiveModel } from '../views/live-model.js'
import type { Connection } from '../views/live-snapshot.js'
import { pageEventLines } from '../views/page-events.js'
import { printJson } from './output.js'
import { ruleTexts } from './rule-texts.js'
import { screenSettings } from './settings.js'

/** A stream to look at; whether it is recorded on the way is the feed's own business. */
export interface LiveFeed {
  readonly endpoint: string
  /** By what is judged; absent: by what the traced kernel promises. */
  readonly policy?: Policy
  /** Runs until the stream is over for good or `ended` is aborted; rejects where it cannot be had at all. */
  run(listener: FeedListener, ended: AbortSignal): Promise<void>
}

/** Makes the feed of an agent; given to the commands, so that their tests need no agent. */
export type FeedOf = (endpoint: string, options: FeedOptions) => LiveFeed

export interface FeedOptions {
  /** This client's own filter, within what the agent traces; absent: all of that. */
  readonly target?: { readonly pids: readonly number[]; readonly comms: readonly string[] }
  /** A file that is to be made and to hold all that comes. */
  readonly recordTo?: string
  /** What to do when the agent ends the stream; without a word: `reconnect`. */
  readonly afterEnd?: 'reconnect' | 'finish'
  /** How long it may take the agent to say its first word; without a word: 10 s. */
  readonly firstWordMs?: number
  /** By what to judge; without a word: by what the traced kernel promises. */
  readonly policy?: Policy
}

export interface FeedListener {
  item(item: StreamItem): void
  connection(connection: Connection): void
  /** Who wants to know what is concluded from the stream as well. */
  readonly conclusions?: Conclusions
}

const SIGNAL_NUMBERS: Readonly<Record<EndSignal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
}

/** Shows the feeds on the terminal, one at a time, until the person quits. Returns the exit status, the feeds' own work all done. */
export async function runLiveScreen(feeds: readonly LiveFeed[], env: NodeJS.ProcessEnv): Promise<number> {
  requireTerminal()
  const models = feeds.map((feed) => new LiveModel(feed.endpoint))
  const feeding = new AbortController()
  const showing = new AbortController()
  const fed = Promise.all(feeds.map((feed, index) => follow(feed, models[index], feeding.signal)))
  // Where there is nothing to look at the screen closes, and the reason is what the person gets to read.
  fed.catch(() => {
    showing.abort()
  })
  const how = await showLive(sourceOf(models), env, showing.signal, screenSettings(env))
  feeding.abort()
  await fed
  return signalStatus(how)
}

function sourceOf(models: readonly LiveModel[]): LiveSource {
  let shown = 0
  const model = () => models[shown]
  return {
    snapshot: () => model().snapshot(),
    get events() {
      return model().totals.events
    },
    get hosts() {
      return models.map((each, index) => hostRow(each.brief(), index === shown))
    },
    show: (host) => {
      shown = Math.min(models.length - 1, Math.max(0, host))
    },
    page: (tgid, vpn, options) => pageEventLines(tgid, vpn, model().pageEvents(tgid, vpn), options),
    json: liveJson,
  }
}

/** The exit status of a screen that ended so. */
export function signalStatus(how: 'quit' | EndSignal): number {
  return how === 'quit' ? ExitStatus.Ok : 128 + SIGNAL_NUMBERS[how]
}

/** One JSON line a second, and a last one at the end of the stream. */
export async function runLiveJson(feed: LiveFeed): Promise<number> {
  const model = new LiveModel(feed.endpoint)
  const feeding = new AbortController()
  let status: number = ExitStatus.Ok
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      status = 128 + SIGNAL_NUMBERS[signal]
      feeding.abort()
    })
  }
  let over = false
  const fed = follow(feed, model, feeding.signal).finally(() => {
    over = true
  })
  // The loop ends by `over`; what went wrong is thrown by the await below it.
  fed.catch(() => undefined)
  while (!isOver()) {
    await Promise.race([sleep(1000, undefined, { ref: false }), fed.catch(() => undefined)])
    if (!isOver()) printJson(liveJson(model.snapshot()))
  }
  await fed
  printJson(liveJson(model.snapshot()))
  return status

  function isOver(): boolean {
    return over
  }
}

async function follow(feed: LiveFeed, model: LiveModel, ended: AbortSignal): Promise<void> {
  await feed.run(listenerOf(model, feed.policy), ended)
  model.setConnection({ state: 'ended', endpoint: feed.endpoint, why: '' })
}

/** Tells a model all of a stream: items, connection, what is concluded, and what the rules say of that kernel. */
export function listenerOf(model: LiveModel, policy: Policy | undefined): FeedListener {
  return {
    item: (item) => {
      model.accept(item, Date.now())
      if (item.type === 'started') model.ruleTexts(ruleTexts(policy ?? policyFor(item.agent.kernelRelease)))
    },
    connection: (connection) => {
      model.setConnection(connection)
    },
    conclusions: model,
  }
}

function requireTerminal(): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return
  throw new CowpathError({
    what: 'cannot show the live screen',
    why: 'there is no terminal on stdin and stdout',
    todo: 'take cowpath live --json, or cowpath record',
    exitStatus: ExitStatus.Usage,
  })
}
