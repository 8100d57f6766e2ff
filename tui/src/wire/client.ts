import { Client, Metadata, credentials, status, type ClientDuplexStream } from '@grpc/grpc-js'
import type { AgentInfo, StreamItem } from '../model/events.js'
import type { CountersSnapshot } from '../model/counts.js'
import { CowpathError } from '../model/failure.js'
import { decodeCounters } from './counters.js'
import { DecodeError } from './cursor.js'
import { decodeResponse } from './decode.js'
import { grpcTarget } from './endpoint.js'
import { explained, isServiceError } from './explain.js'
import { checkFilter, targetOf, type ClientFilter, type FilterChange } from './filter.js'
import './numbers.js'
import { cowpath } from './generated/cowpath.js'
import { agentInfo, filterChangeOf } from './messages.js'
import { STACKS, type WantedStacks } from './stack.js'

export const DESCRIBE = '/cowpath.v1.Agent/Describe'
export const TRACE = '/cowpath.v1.Agent/Trace'
export const COUNTERS = '/cowpath.v1.Agent/Counters'

const CHANNEL = {
  // A window of 64 KiB would make each 256 KiB batch wait for several round trips.
  'grpc-node.flow_control_window': 8 << 20,
  'grpc.max_receive_message_length': 16 << 20,
  'grpc.enable_http_proxy': 0,
  'grpc.use_local_subchannel_pool': 1,
}
/** An agent says its first word at once; what is silent for so long is none. */
const FIRST_WORD_MS = 10_000

export interface TraceOptions {
  /** Name for the agent's log. */
  readonly client: string
  /** How long it may take the agent to say its first word. */
  readonly firstWordMs?: number
  /** Go on behind the event `afterSeq` of the run `bootId`. */
  readonly resume?: { readonly bootId: string; readonly afterSeq: number }
  /** Begin with all that the agent still holds. */
  readonly replay?: true
  readonly filter?: ClientFilter
  /** Has the agent take these call stacks, beside its own. */
  readonly stacks?: WantedStacks
}

/** Opens a channel; the first call connects it. Throws a CowpathError where `endpoint` is none. */
export function connect(endpoint: string): AgentClient {
  return new AgentClient(endpoint, new Client(grpcTarget(endpoint), credentials.createInsecure(), CHANNEL))
}

export class AgentClient {
  readonly endpoint: string
  readonly #client: Client

  constructor(endpoint: string, client: Client) {
    this.endpoint = endpoint
    this.#client = client
  }

  /** What the agent says of itself. Rejects with a CowpathError. */
  describe(): Promise<AgentInfo> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        DESCRIBE,
        asBuffer,
        agentInfo,
        Buffer.alloc(0),
        new Metadata(),
        { deadline: Date.now() + FIRST_WORD_MS },
        (error, info) => {
          if (info !== undefined) resolve(info)
          else reject(explained(error, this.endpoint, 'connecting'))
        },
      )
    })
  }

  /** Subscribes. Nothing is read ahead of the consumer but what the flow control window holds. */
  trace(options: TraceOptions): TraceStream {
    const call = this.#client.makeBidiStreamRequest(
      TRACE,
      asBuffer,
      (bytes: Buffer) => bytes,
      new Metadata(),
      {},
    )
    return new TraceStream(this.endpoint, call, options)
  }

  /** Resolves when there is a connection. Rejects with a CowpathError where there is none within `patienceMs`. */
  ready(patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + patienceMs, (error) => {
        if (error === undefined) resolve()
        else reject(explained(error, this.endpoint, 'connecting'))
      })
    })
  }

  /**
   * What every process did so far: once, or with an interval (at least 100 ms) until the agent ends or `ended` is
   * aborted. Throws a CowpathError where the agent keeps no counters, or cannot be reached.
   */
  async *counters(intervalMs: number, ended?: AbortSignal): AsyncGenerator<CountersSnapshot> {
    const request = Buffer.from(cowpath.v1.CountersRequest.encode({ intervalMs }).finish())
    const call = this.#client.makeServerStreamRequest(
      COUNTERS,
      asBuffer,
      (bytes: Buffer) => bytes,
      request,
      new Metadata(),
      intervalMs === 0 ? { deadline: Date.now() + FIRST_WORD_MS } : {},
    )
    const cancel = () => {
      call.cancel()
    }
    ended?.addEventListener('abort', cancel, { once: true })
    let begun = false
    try {
      for await (const message of call) {
        yield decodeCounters(message as Buffer) // by the deserializer
        begun = true
      }
    } catch (error) {
      if (ended?.aborted === true) return
      throw explained(error, this.endpoint, begun ? 'streaming' : 'connecting')
    } finally {
      ended?.removeEventListener('abort', cancel)
      call.cancel()
    }
  }

  close(): void {
    this.#client.close()
  }
}

/** The stream of one subscription: iterate it once. */
export class TraceStream implements AsyncIterable<StreamItem> {
  readonly #endpoint: string
  readonly #call: ClientDuplexStream<Buffer, Buffer>
  #isCancelled = false
  #isSilent = false
  #isOver = false
  readonly #firstWordMs: number
  /** Who waits for a filter to hold, in the order of asking: the agent answers in that order. */
  readonly #changes: {
    readonly resolve: (change: FilterChange) => void
    readonly reject: (why: unknown) => void
  }[] = []

  constructor(endpoint: string, call: ClientDuplexStream<Buffer, Buffer>, options: TraceOptions) {
    this.#endpoint = endpoint
    this.#call = call
    // What goes wrong is thrown to whoever iterates; without a listener it would end the process.
    call.on('error', () => undefined)
    const { client, resume, replay, filter, stacks, firstWordMs = FIRST_WORD_MS } = options
    this.#firstWordMs = firstWordMs
    this.#write({
      subscribe: {
        client,
        bootId: resume?.bootId ?? '',
        afterSeq: resume?.afterSeq ?? 0,
        replay: replay ?? false,
        ...(filter === undefined ? {} : { filter: targetOf(filter) }),
        ...(stacks === undefined ? {} : { stacks: STACKS[stacks] }),
      },
    })
  }

  /** All events up to `seq` are kept: the agent may forget them. */
  acknowledge(seq: number): void {
    this.#write({ acknowledge: { seq } })
  }

  /**
   * Changes the filter of this stream; an empty one lets all pass that the agent traces. Resolves when the iteration has
   * come to where it holds, so only while somebody iterates. Rejects with a CowpathError where the filter cannot be, or
   * the stream ends before.
   */
  async changeFilter(target: ClientFilter): Promise<FilterChange> {
    checkFilter(target)
    return await new Promise((resolve, reject) => {
      if (this.#isOver || this.#call.destroyed || this.#call.writableEnded) {
        reject(this.#unchanged())
        return
      }
      this.#changes.push({ resolve, reject })
      this.#write({ filter: targetOf(target) })
    })
  }

  /** Ends the stream; the iteration ends without an error. */
  cancel(): void {
    this.#isCancelled = true
    this.#call.cancel()
  }

  /** Ends where the agent ends the stream, or after `cancel`. Throws a CowpathError. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamItem> {
    let begun = false
    const patience = setTimeout(() => {
      this.#isSilent = true
      this.#call.cancel()
    }, this.#firstWordMs)
    try {
      for await (const message of this.#call) {
        const bytes = message as Buffer // by the deserializer
        const item = decodeResponse(bytes)
        if (item === undefined) {
          const change = filterChangeOf(bytes)
          if (change !== undefined) this.#changes.shift()?.resolve(change)
          continue
        }
        if (!begun && item.type !== 'started') throw new DecodeError('it does not begin with who it is')
        begun = true
        clearTimeout(patience)
        yield item
      }
      if (!begun) throw new Error('it ended the stream at once')
    } catch (error) {
      if (this.#isSilent) throw this.#silence()
      // A connection that breaks may look the same, but then nobody here asked for it.
      if (this.#isCancelled && isServiceError(error) && error.code === status.CANCELLED) return
      throw explained(error, this.#endpoint, begun ? 'streaming' : 'connecting')
    } finally {
      clearTimeout(patience)
      this.#call.cancel()
      this.#isOver = true
      for (const waiting of this.#changes.splice(0)) waiting.reject(this.#unchanged())
    }
  }

  #unchanged(): CowpathError {
    return new CowpathError({
      what: 'cannot change the filter',
      why: `the stream from ${this.#endpoint} is over`,
      todo: 'ask again when it is connected',
    })
  }

  #silence(): CowpathError {
    return new CowpathError({
      what: `cannot connect to ${this.#endpoint}`,
      why: `it said nothing for ${this.#firstWordMs / 1000} s`,
      todo: 'check that a cowpath agent listens there',
    })
  }

  #write(request: cowpath.v1.TraceRequest.$Properties): void {
    if (this.#call.destroyed || this.#call.writableEnded) return
    this.#call.write(Buffer.from(cowpath.v1.TraceRequest.encode(request).finish()))
  }
}

function asBuffer(bytes: Buffer): Buffer {
  return bytes
}
