/** A longer line is none of bpftrace's: a stack of 24 symbols takes 13 KB at most. */
const MAX_LINE_BYTES = 1 << 16

/**
 * The lines of a stream of bytes, without their ends. In place of one that is too long stands `undefined`. What follows
 * the last end is a line as well: it may have been cut off.
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined> {
  let parts: Buffer[] = []
  let length = 0
  const taken = () => {
    const line = length > MAX_LINE_BYTES ? undefined : Buffer.concat(parts).toString('utf8')
    parts = []
    length = 0
    return line
  }
  for await (const piece of bytes) {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end))
      length += end - from
      yield taken()
      from = end + 1
    }
    length += chunk.length - from
    // Of what is too long already nothing more is kept.
    if (length <= MAX_LINE_BYTES) parts.push(chunk.subarray(from))
    else parts = []
  }
  if (length > 0) yield taken()
}
