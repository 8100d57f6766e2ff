import type { AgentInfo, LegBooks, LossInfo, ProcessInfo, StreamItem } from '../model/events.js'
import { Cursor, DecodeError } from './cursor.js'
import type { FilterChange } from './filter.js'
import './numbers.js'
import { cowpath } from './generated/cowpath.js'
import { takenStacks } from './stack.js'

/** Messages that are rare: read by the generated code, then checked and put into the model's words. */

const { v1 } = cowpath

export function processOf(body: Cursor): ProcessInfo {
  const { tgid, parentTgid, mm, comm, startTimeNs } = reading(() => v1.Process.decode(body.rest()))
  return {
    tgid,
    parentTgid,
    mm,
    comm: commOf(comm),
    startTimeNs: whole(startTimeNs),
  }
}

export function commOf(comm: Uint8Array): string {
  return Buffer.from(comm.buffer, comm.byteOffset, comm.length).toString('utf8')
}

export function startedItem(body: Cursor): StreamItem {
  const started = reading(() => v1.Started.decode(body.rest()))
  return { type: 'started', agent: agentInfo(bytesOf(body, 1)), nextSeq: whole(started.nextSeq) }
}

/** What a DescribeResponse says. */
export function agentInfo(bytes: Uint8Array): AgentInfo {
  const response = reading(() => v1.DescribeResponse.decode(bytes))
  const stacks = takenStacks(response.stacks)
  if (response.bootId === '') throw new DecodeError('the agent has no boot id')
  return {
    bootId: response.bootId,
    agentVersion: response.agentVersion,
    kernelRelease: response.kernelRelease,
    kernelVersion: response.kernelVersion,
    kernelBootId: response.kernelBootId,
    hostname: response.hostname,
    cpus: response.cpus,
    pageSize: response.pageSize,
    // Beyond 2^53: the generated code would round it to some 256 ns.
    wallClockOffsetNs: exactUint64(new Cursor(bytes), 8),
    legs: response.legs.map(legBooks),
    ...(stacks === undefined ? {} : { stacks }),
    ...(response.onePageIn > 1 ? { onePageIn: response.onePageIn } : {}),
  }
}

const HOPS: Readonly<Partial<Record<number, LossInfo['hop']>>> = {
  1: 'ring',
  2: 'client-queue',
  3: 'replay',
  4: 'not-entered',
}

export function lossItem(body: Cursor): StreamItem {
  const { hop, count, firstSeq, lastSeq, fromNs, untilNs, leg } = reading(() => v1.Loss.decode(body.rest()))
  return {
    type: 'loss',
    loss: {
      // A hop of a newer agent lies behind its ring: the nearest that we know is the queue.
      hop: HOPS[hop] ?? 'client-queue',
      count: whole(count),
      firstSeq: whole(firstSeq),
      lastSeq: whole(lastSeq),
      fromNs: whole(fromNs),
      untilNs: whole(untilNs),
      leg,
    },
  }
}

export function heartbeatItem(body: Cursor): StreamItem {
  const beat = reading(() => v1.Heartbeat.decode(body.rest()))
  return {
    type: 'heartbeat',
    timeNs: whole(beat.timeNs),
    lastSeq: whole(beat.lastSeq),
    legs: beat.legs.map(legBooks),
    ringUsedBytes: whole(beat.ringUsedBytes),
    ringSizeBytes: whole(beat.ringSizeBytes),
    residentBytes: whole(beat.residentBytes),
    cpuNs: whole(beat.cpuNs),
  }
}

const FILTER_CHANGED = 5

/** The last FilterChanged of a TraceResponse; undefined: it is another response. */
export function filterChangeOf(response: Uint8Array): FilterChange | undefined {
  const message = new Cursor(response)
  let change: FilterChange | undefined
  while (!message.done) {
    const tag = message.tag()
    if (tag === ((FILTER_CHANGED << 3) | 2)) {
      const body = message.nested().rest()
      const { filter, fromSeq } = reading(() => v1.FilterChanged.decode(body))
      change = {
        filter: { pids: filter?.pids ?? [], comms: filter?.comms ?? [] },
        fromSeq: whole(fromSeq),
      }
    } else message.skip(tag & 7)
  }
  return change
}

function legBooks(leg: cowpath.v1.LegStatus.$Properties): LegBooks {
  const books = leg.books
  return {
    name: leg.name ?? '',
    attached: leg.attached ?? false,
    hook: leg.hook ?? '',
    reasons: leg.reasons ?? [],
    seen: whole(books?.seen ?? 0),
    submitted: whole(books?.submitted ?? 0),
    ringFull: whole(books?.ringFull ?? 0),
    filtered: whole(books?.filtered ?? 0),
    throttled: whole(books?.throttled ?? 0),
    missed: whole(books?.missed ?? 0),
  }
}

/** A number of 64 bits that a double holds exactly. */
export function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw new DecodeError('a value is 2^53 or more')
  return value
}

/** The generated code throws several kinds of errors for what is malformed. */
export function reading<T>(decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    throw new DecodeError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** The last field `field` of a message, length-delimited. */
function bytesOf(message: Cursor, field: number): Uint8Array {
  let bytes = new Uint8Array()
  const cursor = new Cursor(message.bytes, message.at, message.end)
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === ((field << 3) | 2)) bytes = new Uint8Array(cursor.nested().rest())
    else cursor.skip(tag & 7)
  }
  return bytes
}

function exactUint64(message: Cursor, field: number): bigint {
  let value = 0n
  while (!message.done) {
    const tag = message.tag()
    if (tag === field << 3) value = message.bigUint64()
    else message.skip(tag & 7)
  }
  return value
}
