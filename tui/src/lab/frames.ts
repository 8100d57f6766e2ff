/** A message of the guest's conductor (agent/lab/supervise.c): a type letter and its bytes. */
export interface Frame {
  readonly type: string
  readonly bytes: Buffer
}

const HEADER_BYTES = 3

/** Cuts a byte stream, however it arrives in pieces, into frames. */
export class FrameReader {
  #rest = Buffer.alloc(0)

  /** Frames completed by these bytes. */
  push(bytes: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const frames: Frame[] = []
    let at = 0
    while (this.#rest.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#rest.readUInt16LE(at + 1)
      if (end > this.#rest.length) break
      frames.push({
        type: String.fromCharCode(this.#rest[at]),
        bytes: this.#rest.subarray(at + HEADER_BYTES, end),
      })
      at = end
    }
    this.#rest = this.#rest.subarray(at)
    return frames
  }
}
