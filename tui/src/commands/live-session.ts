import { setTimeout as sleep } from 'node:timers/promises'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { showLive } from '../screen/live-screen.js'
import type { EndSignal } from '../screen/terminal.js'
import { liveJson } from '../views/live-json.js'
import { LiveModel } from '../views/live-model.js'
import { onEndSignal, statusOf } from './end-signals.js'
import { listenerOf, type LiveFeed } from './feed.js'
import { printJson } from './output.js'
import { screenSettings } from './settings.js'
import type { WatchRequest } from './watch-messages.js'
import { Watch } from './watch.js'

/**
 * Shows agents on the terminal, one at a time, until the person quits; `begun` is told when one has said its first word. Returns
 * the exit status, all work of the other thread done.
 */
export async function runLiveScreen(
  requests: readonly WatchRequest[],
  env: NodeJS.ProcessEnv,
  begun: () => void = () => undefined,
): Promise<number> {
  requireTerminal()
  const settings = screenSettings(env)
  const watch = new Watch(requests, begun)
  const showing = new AbortController()
  // Where there is nothing to look at the screen closes, and the reason is what the person gets to read.
  watch.over.catch(() => {
    showing.abort()
  })
  const how = await showLive(watch, env, showing.signal, settings)
  watch.end()
  await watch.over
  return signalStatus(how)
}

/** The exit status of a screen that ended so. */
export function signalStatus(how: 'quit' | EndSignal): number {
  return how === 'quit' ? ExitStatus.Ok : statusOf(how)
}

/** One JSON line a second, and a last one at the end of the stream. */
export async function runLiveJson(feed: LiveFeed): Promise<number> {
  const model = new LiveModel(feed.endpoint)
  const feeding = new AbortController()
  let status: number = ExitStatus.Ok
  onEndSignal((ended) => {
    status = ended
    feeding.abort()
  })
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

function requireTerminal(): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return
  throw new CowpathError({
    what: 'cannot show the live screen',
    why: 'there is no terminal on stdin and stdout',
    todo: 'take cowpath live --json, or cowpath record',
    exitStatus: ExitStatus.Usage,
  })
}
