import { existsSync, rmSync } from 'node:fs'
import {
  Server,
  ServerCredentials,
  status,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type StatusObject,
} from '@grpc/grpc-js'
import type { AgentInfo, StreamItem } from '../../model/events.js'
import { COUNTERS, DESCRIBE, TRACE } from '../client.js'
import { encodeAgent, encodeItem } from '../encode.js'
import { grpcTarget } from '../endpoint.js'
import { cowpath } from '../generated/cowpath.js'

/** Test support: an agent in this process that says what the test tells it to. */
export class FakeAgent {
  /** In the order in which they subscribed. */
  readonly sessions: FakeSession[] = []
  /** What it answers to whoever asks for counters, one after the other; undefined: it keeps none. */
  counters: readonly cowpath.v1.CountersResponse.$Properties[] | undefined
  readonly #server: Server
  readonly #endpoint: string

  private constructor(server: Server, endpoint: string) {
    this.#server = server
    this.#endpoint = endpoint
  }

  /** `onSubscribe` plays the stream. Listens on a unix socket when it resolves. */
  static async listen(
    endpoint: string,
    info: AgentInfo,
    onSubscribe: (session: FakeSession) => void,
  ): Promise<FakeAgent> {
    const server = new Server()
    const agent = new FakeAgent(server, endpoint)
    server.addService(SERVICE, {
      Describe: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
        answer(null, Buffer.from(encodeAgent(info)))
      },
      Trace: (call: ServerDuplexStream<Buffer, Buffer>) => {
        const session = new FakeSession(call, onSubscribe)
        agent.sessions.push(session)
      },
      Counters: (call: ServerWritableStream<Buffer, Buffer>) => {
        if (agent.counters === undefined) {
          const details = 'this agent keeps no counters. Start it with --counters on'
          call.emit('error', { code: status.FAILED_PRECONDITION, details })
          return
        }
        for (const response of agent.counters)
          call.write(Buffer.from(cowpath.v1.CountersResponse.encode(response).finish()))
        call.end()
      },
    })
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(grpcTarget(endpoint), ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve()
        else reject(error)
      })
    })
    return agent
  }

  /** Ends as by kill -9: nobody is told anything, connections break. */
  kill(): void {
    this.#server.forceShutdown()
    const path = this.#endpoint.replace('unix://', '')
    if (existsSync(path)) rmSync(path)
  }
}

/** One client's stream. */
export class FakeSession {
  /** Sequence numbers, as they came. */
  readonly acknowledged: number[] = []
  subscribe: cowpath.v1.Subscribe.$Properties = {}
  /** Asked for after it subscribed, as they came. */
  readonly filters: cowpath.v1.Target.$Properties[] = []
  readonly #call: ServerDuplexStream<Buffer, Buffer>

  constructor(call: ServerDuplexStream<Buffer, Buffer>, onSubscribe: (session: FakeSession) => void) {
    this.#call = call
    call.on('error', () => undefined)
    call.on('data', (bytes: Buffer) => {
      const { subscribe, acknowledge, filter } = cowpath.v1.TraceRequest.decode(bytes)
      if (acknowledge) this.acknowledged.push(acknowledge.seq ?? 0)
      if (filter) this.filters.push(filter)
      if (!subscribe) return
      this.subscribe = subscribe
      onSubscribe(this)
    })
  }

  /** False where the client has not taken what was sent before: it is to be waited for. */
  send(...items: readonly StreamItem[]): boolean {
    let hasRoom = true
    for (const item of items) hasRoom = this.sendRaw(Buffer.from(encodeItem(item)))
    return hasRoom
  }

  sendRaw(bytes: Buffer): boolean {
    return this.#call.write(bytes)
  }

  confirmFilter(filter: cowpath.v1.Target.$Properties, fromSeq: number): void {
    const response = { filterChanged: { filter, fromSeq } }
    this.sendRaw(Buffer.from(cowpath.v1.TraceResponse.encode(response).finish()))
  }

  /** Resolves when the client has taken what was sent. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.#call.once('drain', resolve))
  }

  end(): void {
    this.#call.end()
  }

  fail(status: Pick<StatusObject, 'code' | 'details'>): void {
    this.#call.emit('error', status)
  }
}

function asBuffer(bytes: Buffer): Buffer {
  return bytes
}

const CODEC = {
  requestSerialize: asBuffer,
  requestDeserialize: asBuffer,
  responseSerialize: asBuffer,
  responseDeserialize: asBuffer,
}
const SERVICE = {
  Describe: { path: DESCRIBE, requestStream: false, responseStream: false, ...CODEC },
  Counters: { path: COUNTERS, requestStream: false, responseStream: true, ...CODEC },
  Trace: { path: TRACE, requestStream: true, responseStream: true, ...CODEC },
}
