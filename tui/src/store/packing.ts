import type { EventColumns } from '../model/events.js'
import type { ColumnName } from './columns.js'

/** How the values of one column of a block become bytes; see `block.ts`. */
export const Packing = {
  /** One little-endian double for all events. */
  Constant: 1,
  /** One byte an event. */
  Byte: 2,
  /** Doubles: difference to the event before, zigzag, as a varint of at most 8 bytes. Until schema 7 other columns, too. */
  Delta: 3,
  /** Little-endian doubles as they are: values that deltas would round. */
  Double: 4,
  /** Two little-endian doubles: the first value, and what each has more than the one before. */
  Step: 5,
  /** Values of 4 bytes: difference to the event before modulo 2^32, zigzag, as a varint of at most 5 bytes. */
  SmallDelta: 6,
} as const

/** Of a packed value. */
export const MAX_VARINT_BYTES = 8
/** Deltas of values up to here, doubled by zigzag, stay exact in a double. */
const EXACT_LIMIT = 2 ** 51

type Column = EventColumns[ColumnName]

/** Why a block cannot be read; the reader makes a line for people of it. */
export class DamagedBlock extends Error {
  override readonly name = 'DamagedBlock'
}

/** Packs columns. */
export class ColumnPacker {
  /** Where the column that was packed last ends. */
  end = 0

  /** The packing used; 0: all zero, nothing written. There must be room for {@link MAX_VARINT_BYTES} an event. */
  pack(column: Column, out: Buffer, start: number): number {
    this.end = start
    if (column instanceof Float64Array) return this.#doubles(column, out)
    if (column instanceof Uint8Array) {
      if (isConstant(column)) return this.#constant(column[0], out)
      out.set(column, start)
      this.end += column.length
      return Packing.Byte
    }
    // Of one type, so that what follows is compiled for that alone.
    const values = new Int32Array(column.buffer, column.byteOffset, column.length)
    if (isConstant(values)) return this.#constant(column[0], out)
    this.end = packSmallDeltas(values, out, start)
    return Packing.SmallDelta
  }

  #doubles(values: Float64Array, out: Buffer): number {
    const start = this.end
    const { length } = values
    const step = stepOf(values)
    if (step === 0) return this.#constant(values[0], out)
    if (step !== undefined) {
      this.end = out.writeDoubleLE(step, out.writeDoubleLE(values[0], start))
      return Packing.Step
    }
    this.end = packDeltas(values, out, start)
    if (this.end >= 0) return Packing.Delta
    this.end = start
    for (let i = 0; i < length; i++) this.end = out.writeDoubleLE(values[i], this.end)
    return Packing.Double
  }

  /** Undefined: there are no events. */
  #constant(value: number | undefined, out: Buffer): number {
    if (value === undefined || value === 0) return 0
    this.end = out.writeDoubleLE(value, this.end)
    return Packing.Constant
  }
}

function isConstant(values: Uint8Array | Int32Array): boolean {
  const first = values[0]
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return false
  return true
}

/** What each has more than the one before; undefined: not the same. */
function stepOf(values: Float64Array): number | undefined {
  const first = values[0]
  const step = values.length < 2 ? 0 : values[1] - first
  for (let i = 1; i < values.length; i++) if (values[i] !== first + i * step) return undefined
  return step
}

function packSmallDeltas(values: Int32Array, out: Buffer, start: number): number {
  let end = start
  let before = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const delta = (value - before) | 0
    before = value
    let rest = (delta << 1) ^ (delta >> 31)
    while (rest >>> 0 > 0x7f) {
      out[end++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    out[end++] = rest
  }
  return end
}

/**
 * Returns where it ends, or -1 where a difference would be rounded. Most take one byte; `| 0` is the cheap test, only times and large
 * numbers need the other.
 */
function packDeltas(values: Float64Array, out: Buffer, start: number): number {
  let end = start
  let before = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const delta = value - before
    before = value
    const step = delta | 0
    if (step === delta && step >= -0x40 && step < 0x40) {
      out[end++] = (step << 1) ^ (step >> 31)
      continue
    }
    if ((value | 0) !== value && !(Number.isInteger(value) && Math.abs(value) <= EXACT_LIMIT)) return -1
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

/** What {@link ColumnPacker} packed. Throws a {@link DamagedBlock}. */
export function unpack(packing: number, packed: Buffer, out: Column, length: number): void {
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
    case Packing.Step: {
      if (packed.length !== 16) throw new DamagedBlock('a first value and its step are not 16 bytes')
      const [first, step] = [packed.readDoubleLE(0), packed.readDoubleLE(8)]
      for (let i = 0; i < length; i++) out[i] = first + i * step
      return
    }
    case Packing.SmallDelta:
      if (!(out instanceof Uint32Array) && !(out instanceof Int32Array))
        throw new DamagedBlock('a column is of values of another size')
      unpackSmallDeltas(packed, new Int32Array(out.buffer, out.byteOffset, length))
      return
    default:
      throw new DamagedBlock(`packing ${packing} is not known`)
  }
}

/** Differences that take one byte or two are nearly all: they need no doubles on the way. */
function unpackDeltas(packed: Buffer, out: Column, length: number): void {
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

function unpackSmallDeltas(packed: Buffer, out: Int32Array): void {
  let at = 0
  let value = 0
  for (let i = 0; i < out.length; i++) {
    let byte = packed[at++]
    let zigzag = byte & 0x7f
    // Hostile ones do not end after 5 bytes: what they shift further adds nothing that is kept.
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = packed[at++]
      zigzag |= (byte & 0x7f) << shift
    }
    value = (value + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0
    out[i] = value
  }
  if (at !== packed.length) throw new DamagedBlock('a column has another length')
}
