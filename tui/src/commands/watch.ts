import { Worker } from 'node:worker_threads'
import { CowpathError } from '../model/failure.js'
import type { LiveSource } from '../screen/live-screen.js'
import type { Pane } from '../screen/views.js'
import { hostRow } from '../views/hosts.js'
import { liveJson } from '../views/live-json.js'
import { livePageLines } from '../views/live-page.js'
import { LiveModel } from '../views/live-model.js'
import { LIST_NAMES, type HostRow, type LiveSnapshot } from '../views/live-snapshot.js'
import type { ClientTarget } from '../views/target.js'
import type { ViewOptions } from '../views/view-options.js'
import { builtFile } from './built-file.js'
import type { Ask, Failure, PageKey, Tell, WatchRequest } from './watch-messages.js'

/**
 * Garbage of the listening thread is young, or in columns: more room would only be filled before it is emptied. With the default for
 * the old generation V8 let 20 MB that live grow to 64; with this its growth takes some 50 MB less. Tables are elsewhere.
 */
const LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 } as const

type Look = Tell & { readonly tell: 'look' }

/** Agents that another thread listens to. Here is what it told last: to draw that waits for nobody. */
export class Watch implements LiveSource {
  /** Settles when all streams are over; rejects where an agent cannot be had at all. */
  readonly over: Promise<void>
  readonly json = liveJson
  readonly #worker: Worker
  readonly #snapshots: LiveSnapshot[]
  #shown = 0
  #page: PageKey | null = null
  #told: Look['page'] = null
  /** Who waits for the look that was asked for, and for the next. */
  #looking: (() => void)[] | null = null
  #next: { readonly panes: Set<Pane>; readonly waiting: (() => void)[] } | null = null
  readonly #filtering: ((wrong: string) => void)[] = []

  /** `begun` is told the place of each agent that has said its first word. */
  constructor(requests: readonly WatchRequest[], begun: (host: number) => void) {
    this.#snapshots = requests.map(({ endpoint }) => new LiveModel(endpoint).snapshot())
    this.#worker = new Worker(builtFile('commands/watch-worker.js'), {
      workerData: requests,
      resourceLimits: LIMITS,
    })
    this.over = new Promise((resolve, reject) => {
      this.#worker.on('error', reject)
      this.#worker.on('message', (message: Tell) => {
        switch (message.tell) {
          case 'look':
            this.#take(message)
            break
          case 'filter':
            this.#filtering.shift()?.(message.wrong)
            break
          case 'begun':
            begun(message.host)
            break
          case 'over':
            if (message.failure === null) resolve()
            else reject(errorOf(message.failure))
            break
        }
      })
    })
  }

  /** Lets the streams end; `over` says when they have. */
  end(): void {
    this.#ask({ ask: 'end' })
  }

  snapshot(): LiveSnapshot {
    return this.#snapshots[this.#shown]
  }

  get events(): number {
    return this.snapshot().totals.events
  }

  get hosts(): readonly HostRow[] {
    return this.#snapshots.map((snapshot, host) => hostRow(snapshot, host === this.#shown))
  }

  show(host: number): void {
    this.#shown = Math.min(this.#snapshots.length - 1, Math.max(0, host))
  }

  page(tgid: number, vpn: number, options: ViewOptions): readonly string[] {
    this.#page = { tgid, vpn }
    const told = this.#told
    const page = told !== null && told.tgid === tgid && told.vpn === vpn ? told : null
    return livePageLines(tgid, vpn, page, this.snapshot().rules, options)
  }

  /** Where the last look is not answered yet this one waits for it, together with all that come meanwhile. */
  refresh(panes: readonly Pane[], told: () => void): void {
    if (this.#looking === null) {
      this.#look(new Set(panes), [told])
      return
    }
    this.#next ??= { panes: new Set(), waiting: [] }
    for (const pane of panes) this.#next.panes.add(pane)
    this.#next.waiting.push(told)
  }

  changeFilter(target: ClientTarget, told: (wrong: string) => void): void {
    this.#filtering.push(told)
    this.#ask({ ask: 'filter', host: this.#shown, target })
  }

  #look(panes: ReadonlySet<Pane>, waiting: (() => void)[]): void {
    this.#looking = waiting
    const lists = LIST_NAMES.filter((name) => panes.has(name))
    this.#ask({ ask: 'look', host: this.#shown, lists, page: this.#page })
  }

  #take({ host, part, briefs, page }: Look): void {
    briefs.forEach((brief, index) => {
      this.#snapshots[index] = { ...this.#snapshots[index], ...brief }
    })
    this.#snapshots[host] = { ...this.#snapshots[host], ...part }
    this.#told = page
    const waiting = this.#looking ?? []
    const next = this.#next
    this.#looking = this.#next = null
    if (next !== null) this.#look(next.panes, next.waiting)
    for (const told of waiting) told()
  }

  #ask(message: Ask): void {
    this.#worker.postMessage(message)
  }
}

function errorOf(failure: Failure): Error {
  if ('parts' in failure) return new CowpathError(failure.parts)
  return failure.error instanceof Error ? failure.error : new Error(String(failure.error))
}
