import fc from 'fast-check'
import { expect, test } from 'vitest'
import { linesOf } from './lines.js'

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0
  for (const size of sizes) {
    yield bytes.subarray(at, at + size)
    at += size
    await Promise.resolve()
  }
  yield bytes.subarray(at)
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = []
  for await (const line of linesOf(source)) lines.push(line)
  return lines
}

test('lines are the same however the bytes come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(9)), async (texts, sizes) => {
      const lines = texts.map((text) => text.replaceAll('\n', ' '))
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      expect(await collect(inPieces(bytes, sizes))).toEqual(
        lines.map((line) => Buffer.from(line).toString('utf8')),
      )
    }),
  )
})

test('a line without an end is told, one without bounds is not kept', async () => {
  const long = Buffer.alloc(1 << 20, 'x')
  const bytes = Buffer.concat([long, Buffer.from('\nshort\ncut o')])
  expect(await collect(inPieces(bytes, [1000, 100_000]))).toEqual([undefined, 'short', 'cut o'])
})
