import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { EventColumns } from '../model/events.js'
import { EVENT_COLUMNS, allocateColumns, type ColumnName } from './columns.js'

/**
 * Event blocks: up to {@link BLOCK_EVENTS} events as one compressed blob, each column packed by itself.
 *
 * A blob is a raw deflate stream of: u8 number of columns; for each, u8 column (index in `EVENT_COLUMNS`), u8
 * packing, u32 bytes (little endian); then the packed columns in that order. A column that is not there is all zero,
 * so columns may be added without a new codec.
 */
export const BLOCK_EVENTS = 4096

/** Value of `event_block.codec` for what this file writes. */
export const CODEC_COLUMNS_DEFLATE = 1

const Packing = {
  /** One little-endian double for all events. */
  Constant: 1,
  /** One byte an event. */
  Byte: 2,
  /** Difference to the event before, zigzag, as a varint of at most 8 bytes. */
  Delta: 3,
  /** Little-endian doubles as they are: values that deltas would round. */
  Double: 4,
} as const

/** Deltas of values up to here, doubled by zigzag, stay exact in a double. */
const EXACT_LIMIT = 2 ** 51
const MAX_VARINT_BYTES = 8
const ENTRY_BYTES = 6
/** No block that we write unpacks to more; what claims to is damaged, not big. */
const MAX_UNPACKED_BYTES = 1 + EVENT_COLUMNS.length * (ENTRY_BYTES + BLOCK_EVENTS * MAX_VARINT_BYTES)

/** Packs event columns; holds its scratch space, so keep one for many blocks. */
export class BlockEncoder {
  readonly #packed = Buffer.allocUnsafe(MAX_UNPACKED_BYTES)
  readonly #values = new Float64Array(BLOCK_EVENTS)
  #end = 0

  /** At most {@link BLOCK_EVENTS} events. */
  encode(events: EventColumns): Buffer {
    if (events.length > BLOCK_EVENTS) throw new RangeError(`a block holds ${BLOCK_EVENTS} events`)
    const entries: { column: number; packing: number; bytes: number }[] = []
    this.#end = 1 + EVENT_COLUMNS.length * ENTRY_BYTES
    EVENT_COLUMNS.forEach(({ name, type }, column) => {
      const start = this.#end
      const packing = this.#pack(events, name, type === 'u8')
      if (packing !== 0) entries.push({ column, packing, bytes: this.#end - start })
    })
    const directoryBytes = 1 + entries.length * ENTRY_BYTES
    const begin = 1 + EVENT_COLUMNS.length * ENTRY_BYTES - directoryBytes
    this.#packed[begin] = entries.length
    entries.forEach(({ column, packing, bytes }, index) => {
      const at = begin + 1 + index * ENTRY_BYTES
      this.#packed[at] = column
      this.#packed[at + 1] = packing
      this.#packed.writeUInt32LE(bytes, at + 2)
    })
    return deflateRawSync(this.#packed.subarray(begin, this.#end), { level: constants.Z_BEST_SPEED })
  }

  /** The packing used; 0: all zero, nothing written. */
  #pack(events: EventColumns, name: ColumnName, isByte: boolean): number {
    const length = events.length
    const column = events[name].length === length ? events[name] : events[name].subarray(0, length)
    if (isConstant(column)) {
      if (length === 0 || column[0] === 0) return 0
      this.#end = this.#packed.writeDoubleLE(column[0], this.#end)
      return Packing.Constant
    }
    if (isByte) {
      this.#packed.set(column, this.#end)
      this.#end += length
      return Packing.Byte
    }
    const values = this.#values
    values.set(column)
    if (column instanceof Float64Array && !isExact(column)) {
      for (let i = 0; i < length; i++) this.#end = this.#packed.writeDoubleLE(values[i], this.#end)
      return Packing.Double
    }
    this.#end = packDeltas(values, length, this.#packed, this.#end)
    return Packing.Delta
  }
}

function isConstant(column: EventColumns[ColumnName]): boolean {
  const first = column[0]
  for (let i = 1; i < column.length; i++) if (column[i] !== first) return false
  return true
}

/** Whether all differences are: `| 0` is the cheap test, only times and large numbers need the other. */
function isExact(column: Float64Array): boolean {
  for (const value of column)
    if ((value | 0) !== value && !(Number.isInteger(value) && Math.abs(value) <= EXACT_LIMIT)) return false
  return true
}

function packDeltas(values: Float64Array, length: number, out: Buffer, start: number): number {
  let end = start
  let before = 0
  for (let i = 0; i < length; i++) {
    const value = values[i]
    const delta = value - before
    before = value
    let rest = delta >= 0 ? delta * 2 : -delta * 2 - 1
    while (rest >= 0x80000000) {
      out[end++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    let low = rest | 0
    while (low > 0x7f) {
      out[end++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    out[end++] = low
  }
  return end
}

/** Why a block cannot be read; the reader makes a line for people of it. */
export class DamagedBlock extends Error {
  override readonly name = 'DamagedBlock'
}

/** Events of a block; `only` unpacks no more than the columns named and leaves the others zero. */
export function decodeBlock(
  codec: number,
  length: number,
  data: Uint8Array,
  only?: readonly ColumnName[],
): EventColumns {
  if (codec !== CODEC_COLUMNS_DEFLATE) throw new DamagedBlock(`codec ${codec} is not known`)
  if (!Number.isInteger(length) || length < 0 || length > BLOCK_EVENTS)
    throw new DamagedBlock(`${length} events in one block`)
  const packed = inflate(data)
  const events = allocateColumns(length)
  const count = packed.length === 0 ? 0 : packed[0]
  let at = 1 + count * ENTRY_BYTES
  if (at > packed.length) throw new DamagedBlock('its directory is cut off')
  for (let entry = 0; entry < count; entry++) {
    const head = 1 + entry * ENTRY_BYTES
    const bytes = packed.readUInt32LE(head + 2)
    if (at + bytes > packed.length) throw new DamagedBlock('a column is cut off')
    const column = EVENT_COLUMNS.at(packed[head])
    if (column !== undefined && (only === undefined || only.includes(column.name)))
      unpack(packed[head + 1], packed.subarray(at, at + bytes), events[column.name], length)
    at += bytes
  }
  return events
}

function inflate(data: Uint8Array): Buffer {
  try {
    return inflateRawSync(data, { maxOutputLength: MAX_UNPACKED_BYTES })
  } catch (error) {
    throw new DamagedBlock(error instanceof Error ? error.message : String(error))
  }
}

function unpack(packing: number, packed: Buffer, out: EventColumns[ColumnName], length: number): void {
  switch (packing) {
    case Packing.Constant:
      if (packed.length !== 8) throw new DamagedBlock('a constant is not 8 bytes')
      out.fill(packed.readDoubleLE(0))
      return
    case Packing.Byte:
      if (packed.length !== length) throw new DamagedBlock('a byte column has another length')
      out.set(packed)
      return
    case Packing.Double:
      if (packed.length !== length * 8) throw new DamagedBlock('a column of doubles has another length')
      for (let i = 0; i < length; i++) out[i] = packed.readDoubleLE(i * 8)
      return
    case Packing.Delta:
      unpackDeltas(packed, out, length)
      return
    default:
      throw new DamagedBlock(`packing ${packing} is not known`)
  }
}

/** Differences that take one byte or two are nearly all: they need no doubles on the way. */
function unpackDeltas(packed: Buffer, out: EventColumns[ColumnName], length: number): void {
  let at = 0
  let value = 0
  for (let i = 0; i < length; i++) {
    let byte = packed[at++]
    if (byte < 0x80) {
      value += (byte >> 1) ^ -(byte & 1)
      out[i] = value
      continue
    }
    let low = byte & 0x7f
    byte = packed[at++]
    low |= (byte & 0x7f) << 7
    if (byte < 0x80) {
      value += (low >> 1) ^ -(low & 1)
      out[i] = value
      continue
    }
    let zigzag = low
    let scale = 1 << 14
    while (byte > 0x7f) {
      byte = packed[at++]
      zigzag += (byte & 0x7f) * scale
      scale *= 128
    }
    value += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    out[i] = value
  }
  // Reading past the end yields undefined, which ends every varint: one check at the end is enough.
  if (at !== packed.length) throw new DamagedBlock('a column has another length')
}
