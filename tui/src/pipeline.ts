/**
 * The one place where the rooms meet: what an agent sends, to the history, to the recording, to whoever looks on.
 */
import { existsSync, rmSync } from 'node:fs'
import type { StreamItem } from './model/events.js'
import type { Conclusions } from './pipeline/conclusions.js'
import { CountersPoll } from './pipeline/counters-poll.js'
import { Onlooker } from './pipeline/onlooker.js'
import { Recorder } from './pipeline/recorder.js'
import { rulesUnder } from './pipeline/rules-under.js'
import type { Policy } from './policy/policy.js'
import type { Keep } from './store/retention.js'
import type { Connection } from './views/live-snapshot.js'
import type { ClientFilter } from './wire/filter.js'
import { Follower } from './wire/follow.js'
import type { WantedStacks } from './wire/stack.js'

export interface PipelineOptions {
  /** This client's own filter, within what the agent traces; absent: all of that. */
  readonly target?: ClientFilter
  /** A recording to make, or to go on with. */
  readonly recordTo?: string
  /** What to do when the agent ends the stream; without a word: `reconnect`. */
  readonly afterEnd?: 'reconnect' | 'finish'
  /** How long it may take the agent to say its first word; without a word: 10 s. */
  readonly firstWordMs?: number
  /** By what to judge; without a word: by what the traced kernel promises. */
  readonly policy?: Policy
  /** What the recording may hold; without a word: everything. */
  readonly keep?: Keep
  /** Has the agent take these call stacks, beside its own. */
  readonly stacks?: WantedStacks
}

export interface PipelineListener {
  item(item: StreamItem): void
  connection(connection: Connection): void
  /** Who wants to know what is concluded as well. Where nobody does and nothing is recorded, nothing is concluded. */
  readonly conclusions?: Conclusions
}

/** Follows the agent at `endpoint`, and records on the way where that is asked for. */
export class Pipeline {
  readonly endpoint: string
  readonly policy?: Policy
  readonly #options: PipelineOptions
  #follower: Follower | undefined
  /** What was asked for last; without a word, the target of the options. */
  #target: ClientFilter | undefined

  constructor(endpoint: string, options: PipelineOptions) {
    this.endpoint = endpoint
    this.#options = options
    this.#target = options.target
    if (options.policy !== undefined) this.policy = options.policy
  }

  /** Asks the agent for something else from now on. Rejects with a CowpathError where that cannot be. */
  async changeFilter(target: ClientFilter): Promise<void> {
    this.#target = target
    await this.#follower?.changeFilter(target)
  }

  /**
   * Runs until `ended` is aborted, or with `finish` until the agent ends its stream; what came is recorded to the last
   * event then. Throws a CowpathError where the agent or the recording cannot be had at all.
   */
  async run(listener: PipelineListener, ended: AbortSignal): Promise<void> {
    const { recordTo, policy, keep } = this.#options
    const { conclusions } = listener
    if (recordTo === undefined) {
      const onlooker = conclusions && new Onlooker(rulesUnder(policy), conclusions)
      await this.#follow(
        undefined,
        (item) => {
          onlooker?.take(item)
          return undefined
        },
        listener,
        ended,
      )
      onlooker?.finish()
      return
    }
    const isNew = !existsSync(recordTo)
    const recorder = await Recorder.open(recordTo, rulesUnder(policy), conclusions, keep)
    try {
      await this.#follow(recorder, (item) => recorder.take(item), listener, ended)
    } finally {
      await recorder.close()
      // There was no agent: leave nothing behind that looks like a recording.
      if (isNew && !recorder.hasBegun) rmSync(recordTo, { force: true })
    }
  }

  async #follow(
    recorder: Recorder | undefined,
    take: (item: StreamItem) => Promise<void> | undefined,
    listener: PipelineListener,
    ended: AbortSignal,
  ): Promise<void> {
    const { endpoint } = this
    const { afterEnd = 'reconnect', firstWordMs, stacks } = this.#options
    const target = this.#target
    const stop = new AbortController()
    const until = AbortSignal.any([ended, stop.signal])
    const tell = (state: 'connecting' | 'reconnecting' | 'connected', why: string) => {
      const sinceWallMs = Date.now()
      listener.connection(
        state === 'connecting' ? { state, endpoint, why } : { state, endpoint, why, sinceWallMs },
      )
    }
    const follower = new Follower(endpoint, {
      client: 'cowpath',
      afterEnd,
      onConnection: tell,
      ...(target === undefined ? {} : { filter: target }),
      ...(firstWordMs === undefined ? {} : { firstWordMs }),
      ...(stacks === undefined ? {} : { stacks }),
      ...(recorder?.position === undefined ? {} : { resume: recorder.position }),
    })
    this.#follower = follower
    recorder?.begin({
      durable: (bootId, seq) => {
        follower.acknowledge(bootId, seq)
      },
      // No event is taken from the agent meanwhile: to whoever looks on that is a broken connection.
      paused: (why) => {
        tell('reconnecting', `${why}: recording waits for room`)
      },
      resumed: () => {
        tell('connected', '')
      },
      failed: () => {
        stop.abort()
      },
    })
    const counters = new CountersPoll(endpoint, (snapshot) => recorder?.counted(snapshot))
    try {
      for await (const item of follower.items(until)) {
        const pause = take(item)
        listener.item(item)
        if (item.type === 'started' && recorder !== undefined) await counters.begin()
        if (pause !== undefined) await orAborted(pause, until)
      }
    } finally {
      await counters.end()
    }
  }
}

async function orAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: () => void = () => undefined
  const aborted = new Promise<void>((resolve) => {
    stop = resolve
  })
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  await Promise.race([wait, aborted])
  signal.removeEventListener('abort', stop)
}
