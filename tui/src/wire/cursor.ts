/** Bytes from the wire that are not what they should be. The stream that carried them cannot be trusted any more. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

const TWO_28 = 2 ** 28

/** Reads protobuf's primitives from [at, end) of a buffer; never reads beyond, never allocates by a hostile length. */
export class Cursor {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  /** Field number and wire type: `tag >>> 3`, `tag & 7`. */
  tag(): number {
    const tag = this.uint32()
    if (tag >>> 3 === 0) throw new DecodeError('field number 0')
    return tag
  }

  uint32(): number {
    const value = this.varint()
    if (value > 0xffff_ffff) throw new DecodeError('a 32-bit value has more bits')
    return value
  }

  /** An unsigned varint below 2^53. */
  varint(): number {
    const { bytes, end } = this
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.at >= end) throw truncated()
      const byte = bytes[this.at++]
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return low
    }
    let high = 0
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.at >= end) throw truncated()
      const byte = bytes[this.at++]
      high |= (byte & 0x7f) << shift
      if (byte < 0x80) return safe(low + high * TWO_28)
    }
    throw tooLarge()
  }

  /** A zigzag varint whose value is a safe integer. */
  zigzag(): number {
    const { bytes, end } = this
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.at >= end) throw truncated()
      const byte = bytes[this.at++]
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1)
    }
    let high = 0
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.at >= end) throw truncated()
      const byte = bytes[this.at++]
      high |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        // Halved before it is joined: the joined number may need 54 bits.
        const half = safe((low >>> 1) + high * (TWO_28 / 2))
        return (low & 1) === 0 ? half : safe(half + 1) * -1
      }
    }
    throw tooLarge()
  }

  /** All 64 bits of an unsigned varint. */
  bigUint64(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.end) throw truncated()
      const byte = this.bytes[this.at++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new DecodeError('a varint has more than 10 bytes')
  }

  /** The contents of a length-delimited field; this cursor goes on behind them. */
  nested(): Cursor {
    const length = this.varint()
    if (length > this.end - this.at) throw truncated()
    const from = this.at
    this.at += length
    return new Cursor(this.bytes, from, this.at)
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.at, this.end)
  }

  /** Goes behind the value of a field that nobody wants. */
  skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.bigUint64()
        return
      case 1:
        this.#forward(8)
        return
      case 2:
        this.nested()
        return
      case 5:
        this.#forward(4)
        return
      default:
        throw new DecodeError(`wire type ${wireType}`)
    }
  }

  #forward(length: number): void {
    if (length > this.end - this.at) throw truncated()
    this.at += length
  }
}

export function safe(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER) throw tooLarge()
  return value
}

function truncated(): DecodeError {
  return new DecodeError('the message is cut off')
}

function tooLarge(): DecodeError {
  return new DecodeError('a value is 2^53 or more')
}
