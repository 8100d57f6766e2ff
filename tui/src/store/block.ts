import { brotliCompressSync, brotliDecompressSync, constants, inflateRawSync } from 'node:zlib'
import type { EventColumns } from '../model/events.js'
import { EVENT_COLUMNS, allocateColumns, allocateOnly, type ColumnName } from './columns.js'
import { ColumnPacker, DamagedBlock, MAX_VARINT_BYTES, unpack } from './packing.js'

/**
 * Event blocks: up to {@link BLOCK_EVENTS} events as one compressed blob, each column packed by itself.
 *
 * A blob is: u32 bytes of the first stream (little endian), the first stream, the second. A stream is, compressed by Brotli: u8
 * number of columns; for each, u8 column (index in `EVENT_COLUMNS`), u8 packing, u32 bytes (little endian); then the packed
 * columns in that order. A column that is not there is all zero, so columns may be added without a new codec.
 */
export const BLOCK_EVENTS = 4096

/** Value of `event_block.codec` for what this file writes. */
export const CODEC_TWO_BROTLI = 2
/** Until schema 7: one such stream, as raw deflate. It took twice as long to write, for as many bytes. */
const CODEC_ONE_DEFLATE = 1

/** In the first stream: what is asked of single events, which then need not all be unpacked. */
const ASKED_ALONE: ReadonlySet<ColumnName> = new Set([
  'seq',
  'flags',
  'refcount',
  'mapcount',
  'pincount',
  'newRefcount',
])

const ENTRY_BYTES = 6
const LENGTH_BYTES = 4
/** No block that we write unpacks to more; what claims to is damaged, not big. */
const MAX_UNPACKED_BYTES = 1 + EVENT_COLUMNS.length * (ENTRY_BYTES + BLOCK_EVENTS * MAX_VARINT_BYTES)
/** With less it is no faster, with more it takes twice as long. */
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

/** Packs event columns; holds its scratch space, so keep one for many blocks. */
export class BlockEncoder {
  readonly #packed = Buffer.allocUnsafe(MAX_UNPACKED_BYTES)
  readonly #packer = new ColumnPacker()

  /** At most {@link BLOCK_EVENTS} events. */
  encode(events: EventColumns): Buffer {
    if (events.length > BLOCK_EVENTS) throw new RangeError(`a block holds ${BLOCK_EVENTS} events`)
    const first = this.#stream(events, (name) => ASKED_ALONE.has(name))
    const second = this.#stream(events, (name) => !ASKED_ALONE.has(name))
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt32LE(first.length)
    return Buffer.concat([length, first, second])
  }

  #stream(events: EventColumns, isIn: (name: ColumnName) => boolean): Buffer {
    const { length } = events
    const packed = this.#packed
    const entries: { column: number; packing: number; bytes: number }[] = []
    const columnsBegin = 1 + EVENT_COLUMNS.length * ENTRY_BYTES
    let end = columnsBegin
    EVENT_COLUMNS.forEach(({ name }, index) => {
      if (!isIn(name)) return
      const column = events[name].length === length ? events[name] : events[name].subarray(0, length)
      const packing = this.#packer.pack(column, packed, end)
      if (packing !== 0) entries.push({ column: index, packing, bytes: this.#packer.end - end })
      end = this.#packer.end
    })
    const begin = columnsBegin - entries.length * ENTRY_BYTES - 1
    packed[begin] = entries.length
    entries.forEach(({ column, packing, bytes }, index) => {
      const at = begin + 1 + index * ENTRY_BYTES
      packed[at] = column
      packed[at + 1] = packing
      packed.writeUInt32LE(bytes, at + 2)
    })
    return brotliCompressSync(packed.subarray(begin, end), QUALITY)
  }
}

/** Events of a block; `only` unpacks no more than the columns named and leaves the others zero. Throws a {@link DamagedBlock}. */
export function decodeBlock(
  codec: number,
  length: number,
  data: Uint8Array,
  only?: readonly ColumnName[],
): EventColumns {
  if (!Number.isInteger(length) || length < 0 || length > BLOCK_EVENTS)
    throw new DamagedBlock(`${length} events in one block`)
  const events = only === undefined ? allocateColumns(length) : allocateOnly(length, only)
  for (const stream of streamsOf(codec, data, only)) unpackStream(stream, events, only)
  return events
}

/** Those in which one of the columns may be, unpacked. */
function streamsOf(codec: number, data: Uint8Array, only: readonly ColumnName[] | undefined): Buffer[] {
  const limit = { maxOutputLength: MAX_UNPACKED_BYTES }
  try {
    switch (codec) {
      case CODEC_ONE_DEFLATE:
        return [inflateRawSync(data, limit)]
      case CODEC_TWO_BROTLI: {
        const second = LENGTH_BYTES + Buffer.from(data.buffer, data.byteOffset, data.length).readUInt32LE()
        const streams: Buffer[] = []
        if (only === undefined || only.some((name) => ASKED_ALONE.has(name)))
          streams.push(brotliDecompressSync(data.subarray(LENGTH_BYTES, second), limit))
        if (only === undefined || only.some((name) => !ASKED_ALONE.has(name)))
          streams.push(brotliDecompressSync(data.subarray(second), limit))
        return streams
      }
    }
  } catch (error) {
    throw new DamagedBlock(error instanceof Error ? error.message : String(error))
  }
  throw new DamagedBlock(`codec ${codec} is not known`)
}

function unpackStream(packed: Buffer, events: EventColumns, only: readonly ColumnName[] | undefined): void {
  const count = packed.length === 0 ? 0 : packed[0]
  let at = 1 + count * ENTRY_BYTES
  if (at > packed.length) throw new DamagedBlock('its directory is cut off')
  for (let entry = 0; entry < count; entry++) {
    const head = 1 + entry * ENTRY_BYTES
    const bytes = packed.readUInt32LE(head + 2)
    if (at + bytes > packed.length) throw new DamagedBlock('a column is cut off')
    const column = EVENT_COLUMNS.at(packed[head])
    if (column !== undefined && (only === undefined || only.includes(column.name)))
      unpack(packed[head + 1], packed.subarray(at, at + bytes), events[column.name], events.length)
    at += bytes
  }
}
