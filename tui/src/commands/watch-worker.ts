/**
 * The thread that listens: takes what agents send, concludes, counts, and tells who draws when asked. However much comes, the
 * other thread stays free for keys.
 */
import { constants, getPriority, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { CowpathError } from '../model/failure.js'
import { Pipeline } from '../pipeline.js'
import { policyNamed } from '../policy/policies.js'
import { LiveModel } from '../views/live-model.js'
import { listenerOf } from './feed.js'
import { version } from './version.js'
import type { Ask, Failure, Tell, WatchRequest } from './watch-messages.js'

/** How long an agent may take to say that a filter holds. */
const ANSWER_MS = 5000

function listen(requests: readonly WatchRequest[], tell: (message: Tell) => void): (message: Ask) => void {
  const ended = new AbortController()
  const hosts = requests.map((request, host) => {
    const { endpoint, policy: name, ...options } = request
    const policy = name === undefined ? undefined : policyNamed(name)
    const pipeline = new Pipeline(endpoint, policy === undefined ? options : { ...options, policy })
    const model = new LiveModel(endpoint, version(), 'pages')
    model.setFilter(options.target ?? null)
    const told = listenerOf(model, policy)
    let isBegun = false
    const over = pipeline.run(
      {
        ...told,
        item: (item) => {
          told.item(item)
          // An agent that was reconnected to says its first word again.
          if (item.type !== 'started' || isBegun) return
          isBegun = true
          tell({ tell: 'begun', host })
        },
      },
      ended.signal,
    )
    return { pipeline, model, over }
  })
  void Promise.all(hosts.map(({ over }) => over)).then(
    () => {
      tell({ tell: 'over', failure: null })
    },
    (error: unknown) => {
      tell({ tell: 'over', failure: failureOf(error) })
    },
  )
  return (message) => {
    switch (message.ask) {
      case 'look': {
        const { host, lists, page } = message
        const { model } = hosts[host]
        tell({
          tell: 'look',
          host,
          part: model.part(lists),
          briefs: hosts.map((each) => each.model.brief()),
          page: page && { ...page, ...model.page(page.tgid, page.vpn) },
        })
        break
      }
      case 'filter': {
        const { target } = message
        const { pipeline, model } = hosts[message.host]
        const late = sleep(ANSWER_MS, undefined, { ref: false }).then(() => {
          throw new Error('the agent does not answer that: it may be older than this client')
        })
        Promise.race([pipeline.changeFilter(target), late]).then(
          () => {
            model.setFilter(target)
            tell({ tell: 'filter', wrong: '' })
          },
          (error: unknown) => {
            tell({ tell: 'filter', wrong: error instanceof Error ? error.message : String(error) })
          },
        )
        break
      }
      case 'end':
        ended.abort()
        break
    }
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof CowpathError)) return { error }
  const { what, why, todo, exitStatus } = error
  return { parts: { what, why, todo, exitStatus } }
}

/**
 * Above what the program was started with, and of this thread alone (setpriority(2): Linux knows no other): where processors are
 * scarce, keys and frames come first.
 */
const NICER_BY = 5

if (parentPort !== null) {
  const port = parentPort
  setPriority(Math.min(getPriority() + NICER_BY, constants.priority.PRIORITY_LOW))
  const obey = listen(workerData as readonly WatchRequest[], (message) => {
    port.postMessage(message)
    // Nothing more is to be done: the thread may end.
    if (message.tell === 'over') port.unref()
  }) // by watch.ts
  port.on('message', obey)
}
