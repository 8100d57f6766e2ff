import fc from 'fast-check'
import { expect, test } from 'vitest'

import { FrameReader } from './frames.js'

test('frames are the same however the bytes are cut', () => {
  const frames = fc.array(
    fc.record({ type: fc.constantFrom('o', 'e', 'X'), data: fc.uint8Array({ maxLength: 300 }) }),
  )
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 50 }), (sent, step) => {
      const bytes = Buffer.concat(
        sent.flatMap(({ type, data }) => [
          Buffer.from([type.charCodeAt(0), data.length & 255, data.length >> 8]),
          data,
        ]),
      )
      const reader = new FrameReader()
      const got = []
      for (let at = 0; at < bytes.length; at += step) got.push(...reader.push(bytes.subarray(at, at + step)))
      expect(got.map(({ type, bytes: data }) => ({ type, data: Uint8Array.from(data) }))).toEqual(
        sent.map(({ type, data }) => ({ type, data: Uint8Array.from(data) })),
      )
    }),
  )
})
