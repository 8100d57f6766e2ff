/** The stream of an agent as a file of its messages, made once and kept beside other temporary files. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { columnsOf, NO_EVENT, type EventRow } from '../model/event-rows.js'
import type { StreamItem } from '../model/events.js'
import { EVENT_COLUMNS } from '../store/columns.js'
import { encodeItem } from '../wire/encode.js'
import { Workload, WORKLOAD_AGENT } from './workload.js'

/** Batches between heartbeats: about one a second of the workload's time. */
const BATCHES_A_BEAT = 100
/** To be raised with each change of the workload. */
const VERSION = 1

/** What benchmarks keep from run to run: `cowpath-bench` in the folder for temporary files. */
export function benchFolder(): string {
  const folder = join(tmpdir(), 'cowpath-bench')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** The whole stream of `events` events of the workload. */
export function* workloadItems(events: number): Generator<StreamItem> {
  const workload = new Workload()
  yield { type: 'started', agent: WORKLOAD_AGENT, nextSeq: 1 }
  for (let batches = 1, made = 0; made < events; batches++) {
    const batch = workload.next()
    made += batch.events.length
    yield batch
    if (batches % BATCHES_A_BEAT === 0)
      yield {
        type: 'heartbeat',
        timeNs: batch.events.timeNs[batch.events.length - 1],
        lastSeq: batch.lastSeq,
        legs: WORKLOAD_AGENT.legs,
        ringUsedBytes: 0,
        ringSizeBytes: 0,
        residentBytes: 0,
        cpuNs: 0,
      }
  }
}

/** How many events a message has: as many as the agent packs, or one, as in a protocol that nobody has measured. */
export type Packing = 'packed' | 'one each'

/** The file of the stream: each message after its length (u32, little endian). */
export function streamFile(events: number, packing: Packing = 'packed'): string {
  const path = join(benchFolder(), `stream-${VERSION}-${events}${packing === 'packed' ? '' : '-each'}.bin`)
  if (existsSync(path)) return path
  const file = openSync(path + '.part', 'w')
  for (const item of workloadItems(events))
    for (const part of packing === 'packed' ? [item] : apart(item)) {
      const message = encodeItem(part)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(message.length)
      writeSync(file, Buffer.concat([length, message]))
    }
  closeSync(file)
  renameSync(path + '.part', path)
  return path
}

/** The columns of an event. */
export const EVENT_NAMES = EVENT_COLUMNS.map(({ name }) => name)

function* apart(item: StreamItem): Generator<StreamItem> {
  if (item.type !== 'batch') {
    yield item
    return
  }
  const { events } = item
  for (let i = 0; i < events.length; i++) {
    const row: EventRow = { ...NO_EVENT }
    for (const name of EVENT_NAMES) row[name] = events[name][i]
    const told = i === 0 ? {} : { processes: [], stacks: [], filtered: 0 }
    yield { ...item, ...told, firstSeq: row.seq, lastSeq: row.seq, events: columnsOf([row]) }
  }
}

/** Messages of the file, over its bytes. */
export function messagesOf(path: string): readonly Buffer[] {
  const bytes = readFileSync(path)
  const messages: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at)
    messages.push(bytes.subarray(at + 4, end))
    at = end
  }
  return messages
}
