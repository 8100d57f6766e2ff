import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamItem } from '../model/events.js'
import { CowpathError } from '../model/failure.js'
import { connect, type TraceOptions, type TraceStream } from './client.js'
import { columnsFrom } from './columns.js'
import { checkFilter, type ClientFilter, type FilterChange } from './filter.js'
import type { WantedStacks } from './stack.js'

/** Where a stream is to go on. */
export interface Position {
  readonly bootId: string
  readonly afterSeq: number
}

export interface FollowOptions {
  /** Name for the agent's log. */
  readonly client: string
  readonly filter?: ClientFilter
  readonly stacks?: WantedStacks
  /** Where an earlier stream ended, of which nothing is to be missed. */
  readonly resume?: Position
  readonly afterEnd: 'reconnect' | 'finish'
  /** How long it may take the agent to say its first word; without a word: 10 s. */
  readonly firstWordMs?: number
  readonly onConnection: (state: 'connecting' | 'reconnecting' | 'connected', why: string) => void
}

const FIRST_BACKOFF_MS = 200
const LONGEST_BACKOFF_MS = 5000

/** One agent's stream beyond the life of a connection: each event once, in order, a loss for what cannot be had again. */
export class Follower {
  readonly #endpoint: string
  readonly #options: FollowOptions
  #position: Position | undefined
  /** Of the run in #position: its numbers began at 1, and none has come. */
  #fromStart = false
  #stream: TraceStream | undefined
  #filter: ClientFilter | undefined

  constructor(endpoint: string, options: FollowOptions) {
    this.#endpoint = endpoint
    this.#options = options
    this.#position = options.resume
    this.#filter = options.filter
  }

  /** Events up to `seq` of the run `bootId` are kept for good. */
  acknowledge(bootId: string, seq: number): void {
    // Of an earlier run there is nobody left to tell.
    if (bootId === this.#position?.bootId) this.#stream?.acknowledge(seq)
  }

  /**
   * Changes the filter now and for every later connection. Resolves when the stream has come to where it holds; while
   * there is no connection, at once and with undefined: the next one begins with it. Rejects with a CowpathError where
   * the filter cannot be, or the connection breaks before the agent answered: the next one begins with it all the same.
   */
  async changeFilter(target: ClientFilter): Promise<FilterChange | undefined> {
    checkFilter(target)
    this.#filter = target
    return await this.#stream?.changeFilter(target)
  }

  /**
   * Runs until `ended` is aborted, or with `finish` until the agent ends its stream. Throws a CowpathError where the
   * first connection fails; later ones are tried again and again.
   */
  async *items(ended: AbortSignal): AsyncGenerator<StreamItem> {
    this.#options.onConnection('connecting', '')
    let met = false
    let backoffMs = FIRST_BACKOFF_MS
    while (!ended.aborted) {
      let why = 'the agent ended the stream'
      try {
        for await (const item of this.#connection(ended)) {
          if (item.type === 'started') {
            met = true
            backoffMs = FIRST_BACKOFF_MS
            this.#options.onConnection('connected', '')
          }
          yield item
        }
        if (this.#options.afterEnd === 'finish') return
      } catch (error) {
        const isFinal = !met || this.#options.afterEnd === 'finish'
        if (isFinal || !(error instanceof CowpathError)) throw error
        why = error.why
      }
      if (isAborted(ended)) return
      this.#options.onConnection('reconnecting', why)
      await sleep(backoffMs, undefined, { signal: ended }).catch(() => undefined)
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)
    }
  }

  async *#connection(ended: AbortSignal): AsyncGenerator<StreamItem> {
    const client = connect(this.#endpoint)
    const stream = client.trace(this.#traceOptions())
    const cancel = () => {
      stream.cancel()
    }
    ended.addEventListener('abort', cancel, { once: true })
    try {
      for await (const item of stream) {
        if (ended.aborted) return
        // Only a stream that has begun is told what is durable, and only of its own run.
        this.#stream = stream
        const fresh = this.#advance(item)
        if (fresh !== undefined) yield fresh
      }
    } finally {
      this.#stream = undefined
      ended.removeEventListener('abort', cancel)
      client.close()
    }
  }

  #traceOptions(): TraceOptions {
    const { client, firstWordMs, stacks } = this.#options
    const filter = this.#filter
    return {
      client,
      ...(firstWordMs === undefined ? {} : { firstWordMs }),
      ...(filter === undefined ? {} : { filter }),
      ...(stacks === undefined ? {} : { stacks }),
      ...(this.#position === undefined || this.#position.afterSeq === 0 ? {} : { resume: this.#position }),
      ...(this.#fromStart ? { replay: true } : {}),
    }
  }

  /** Notes how far the stream has come; leaves out of `item` what has been delivered before. */
  #advance(item: StreamItem): StreamItem | undefined {
    const position = this.#position
    switch (item.type) {
      case 'started': {
        const { bootId } = item.agent
        if (bootId !== position?.bootId) this.#position = { bootId, afterSeq: item.nextSeq - 1 }
        this.#fromStart = this.#position?.afterSeq === 0
        return item
      }
      case 'loss':
        this.#reached(item.loss.lastSeq)
        return item
      case 'heartbeat':
        return item
      case 'batch': {
        const after = position?.afterSeq ?? 0
        this.#reached(item.lastSeq)
        if (item.firstSeq > after || item.events.length + item.filtered === 0) return item
        if (item.lastSeq <= after) return undefined
        // Numbers of filtered events are not known: with them the agent cuts batches where it is asked to.
        const known = Math.min(after + 1 - item.firstSeq, item.events.length)
        return { ...item, firstSeq: after + 1, events: columnsFrom(item.events, known) }
      }
    }
  }

  #reached(seq: number): void {
    const position = this.#position
    if (position === undefined || seq <= position.afterSeq) return
    this.#position = { bootId: position.bootId, afterSeq: seq }
    this.#fromStart = false
  }
}

/** Asked anew: the compiler takes the signal for what it was at the loop's head. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
