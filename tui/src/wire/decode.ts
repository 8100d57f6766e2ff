import type { EventColumns, ProcessInfo, StackInfo, StreamItem } from '../model/events.js'
import { allocateColumns } from './columns.js'
import { Cursor, DecodeError, safe } from './cursor.js'
import { processOf, startedItem, lossItem, heartbeatItem } from './messages.js'
import { MAX_STACKS, stackOf } from './stack.js'

/** Of a batch that the agent sends: 1,024. A message that claims more than this is not believed. */
export const MAX_EVENTS = 65_536

const BATCH = 2

/**
 * Reads one TraceResponse. Undefined for a response that is newer than this client. Throws only DecodeError.
 */
export function decodeResponse(bytes: Uint8Array): StreamItem | undefined {
  const message = new Cursor(bytes)
  let item: StreamItem | undefined
  while (!message.done) {
    const tag = message.tag()
    if ((tag & 7) !== 2) {
      message.skip(tag & 7)
      continue
    }
    const body = message.nested()
    switch (tag >>> 3) {
      case 1:
        item = startedItem(body)
        break
      case BATCH:
        item = decodeBatch(body)
        break
      case 3:
        item = lossItem(body)
        break
      case 4:
        item = heartbeatItem(body)
        break
    }
  }
  return item
}

interface Head {
  firstSeq: number
  lastSeq: number
  events: number
  filtered: number
  baseTimeNs: number
  readonly processes: ProcessInfo[]
  readonly stacks: StackInfo[]
}

type Read = (column: Column, from: Cursor) => void

interface Column {
  readonly values: EventColumns['seq'] | Uint32Array | Int32Array
  readonly read: Read
  filled: number
  /** Of the event before, for columns of differences. */
  last: number
}

/**
 * Reads a Batch straight into columns.
 *
 * Where the agent left out events for this client's own filter, which of the span's numbers an event has is not on
 * the wire: events are then numbered from first_seq in order, so that numbers stay unique, ascending and in the span.
 */
export function decodeBatch(message: Cursor): StreamItem & { type: 'batch' } {
  const { processes, stacks, ...head } = readHead(new Cursor(message.bytes, message.at, message.end))
  const { firstSeq, lastSeq, events: count, filtered } = head
  if (count > MAX_EVENTS) throw new DecodeError(`a batch of ${count} events`)
  if (count + filtered > 0 && lastSeq - firstSeq + 1 !== count + filtered)
    throw new DecodeError(`events ${firstSeq} to ${lastSeq} are not ${count} and ${filtered} filtered ones`)
  const events = allocateColumns(count)
  for (let i = 0; i < count; i++) events.seq[i] = firstSeq + i
  const columns = columnsByField(events, head.baseTimeNs)
  readColumns(message, columns, events)
  for (const [field, { filled }] of columns.entries())
    if (filled !== 0 && filled !== count) throw wrongLength(field + FIRST_VARINT_FIELD, filled, count)
  if (columns[0].filled === 0) events.timeNs.fill(head.baseTimeNs)
  return { type: 'batch', firstSeq, lastSeq, filtered, processes, stacks, events }
}

function readHead(message: Cursor): Head {
  const head: Head = {
    firstSeq: 0,
    lastSeq: 0,
    events: 0,
    filtered: 0,
    baseTimeNs: 0,
    processes: [],
    stacks: [],
  }
  while (!message.done) {
    const tag = message.tag()
    switch (tag) {
      case (1 << 3) | 0:
        head.firstSeq = message.varint()
        break
      case (2 << 3) | 0:
        head.lastSeq = message.varint()
        break
      case (3 << 3) | 0:
        head.events = message.uint32()
        break
      case (4 << 3) | 0:
        head.filtered = message.uint32()
        break
      case (5 << 3) | 0:
        head.baseTimeNs = message.varint()
        break
      case (6 << 3) | 2:
        head.processes.push(processOf(message.nested()))
        break
      case (7 << 3) | 2:
        if (head.stacks.length === MAX_STACKS) throw new DecodeError(`more than ${MAX_STACKS} stacks`)
        head.stacks.push(stackOf(message.nested()))
        break
      default:
        message.skip(tag & 7)
    }
  }
  return head
}

const FIRST_VARINT_FIELD = 13

/** Columns of the fields 13 to 30, by field number less 13. */
function columnsByField(events: EventColumns, baseTimeNs: number): readonly Column[] {
  const column = (values: Column['values'], read: Read, last = 0): Column => ({
    values,
    read,
    filled: 0,
    last,
  })
  return [
    column(events.timeNs, readTimes, baseTimeNs),
    column(events.cpu, readUint32s),
    column(events.tgid, readUint32s),
    column(events.tid, readUint32s),
    column(events.mm, readUint32s),
    column(events.otherMm, readUint32s),
    column(events.otherTgid, readUint32s),
    column(events.vpn, readUint53s),
    column(events.pages, readUint32s),
    column(events.oldPfn, readUint53s),
    column(events.newPfn, readUint53s),
    column(events.flags, readUint32s),
    column(events.refcount, readSint32s),
    column(events.mapcount, readSint32s),
    column(events.pincount, readSint32s),
    column(events.newRefcount, readSint32s),
    column(events.stack, readUint32s),
    column(events.aux, readUint53s),
  ]
}

/** Packed or not, in one piece or several: all of that is the same column to protobuf. */
function readColumns(message: Cursor, columns: readonly Column[], events: EventColumns): void {
  while (!message.done) {
    const tag = message.tag()
    const field = tag >>> 3
    const wireType = tag & 7
    const column = columns[field - FIRST_VARINT_FIELD] as Column | undefined // another field
    if (column !== undefined && wireType === 2) {
      column.read(column, message.nested())
    } else if (column !== undefined && wireType === 0) {
      const from = message.at
      message.bigUint64()
      column.read(column, new Cursor(message.bytes, from, message.at))
    } else if (wireType === 2 && field >= 10 && field <= 12) {
      const target = field === 10 ? events.kind : field === 11 ? events.outcome : events.order
      const bytes = message.nested().rest()
      if (bytes.length !== 0 && bytes.length !== target.length)
        throw wrongLength(field, bytes.length, target.length)
      target.set(bytes)
    } else {
      message.skip(wireType)
    }
  }
}

// One loop a type of column: the engine then knows the array that it writes to. Most values have one to three bytes.

function readUint32s(column: Column, from: Cursor): void {
  const values = column.values as Uint32Array // by columnsByField
  const { bytes, end } = from
  let i = column.filled
  while (from.at < end) {
    if (i === values.length) throw tooMany(values.length)
    const byte = bytes[from.at]
    if (byte < 0x80) {
      from.at++
      values[i++] = byte
    } else values[i++] = from.uint32()
  }
  column.filled = i
}

function readUint53s(column: Column, from: Cursor): void {
  const values = column.values as Float64Array // by columnsByField
  const { bytes, end } = from
  let i = column.filled
  while (from.at < end) {
    if (i === values.length) throw tooMany(values.length)
    const byte = bytes[from.at]
    if (byte < 0x80) {
      from.at++
      values[i++] = byte
    } else values[i++] = from.varint()
  }
  column.filled = i
}

function readSint32s(column: Column, from: Cursor): void {
  const values = column.values as Int32Array // by columnsByField
  const { bytes, end } = from
  let i = column.filled
  while (from.at < end) {
    if (i === values.length) throw tooMany(values.length)
    const byte = bytes[from.at]
    if (byte < 0x80) {
      from.at++
      values[i++] = (byte >>> 1) ^ -(byte & 1)
    } else {
      const raw = from.uint32()
      values[i++] = (raw >>> 1) ^ -(raw & 1)
    }
  }
  column.filled = i
}

function readTimes(column: Column, from: Cursor): void {
  const values = column.values as Float64Array // by columnsByField
  let i = column.filled
  let time = column.last
  while (!from.done) {
    if (i === values.length) throw tooMany(values.length)
    time = safe(time + from.zigzag())
    if (time < 0) throw new DecodeError('a time before the boot of the host')
    values[i++] = time
  }
  column.filled = i
  column.last = time
}

function tooMany(count: number): DecodeError {
  return new DecodeError(`a column is longer than the ${count} events of its batch`)
}

function wrongLength(field: number, length: number, count: number): DecodeError {
  return new DecodeError(`column ${field} has ${length} values for ${count} events`)
}
