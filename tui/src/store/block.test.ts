import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventColumns } from '../model/events.js'
import { BLOCK_EVENTS, BlockEncoder, CODEC_TWO_BROTLI, decodeBlock } from './block.js'
import { EVENT_COLUMNS, allocateColumns } from './columns.js'
import { DamagedBlock } from './packing.js'

const VALUES = {
  f64: fc.oneof(
    fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    fc.nat({ max: 3 }),
    // What a doubled uint64 of `aux` may be.
    fc.double({ noNaN: true, min: 1, max: 2 ** 64 }),
  ),
  u32: fc.oneof(fc.nat({ max: 0xffffffff }), fc.nat({ max: 3 })),
  i32: fc.oneof(fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.integer({ min: -3, max: 3 })),
  u8: fc.nat({ max: 255 }),
}

/** Columns of a few hundred events: some all zero, some constant, some wild. */
const columns = fc.integer({ min: 0, max: 300 }).chain((length) =>
  fc
    .tuple(
      ...EVENT_COLUMNS.map(({ type }) =>
        fc.oneof(
          fc.constant<number[]>([]),
          VALUES[type].map((value) => new Array<number>(length).fill(value)),
          fc
            .tuple(VALUES[type], fc.integer({ min: -3, max: 3 }))
            .map(([first, step]) => climbing(first, step, length)),
          fc.array(VALUES[type], { minLength: length, maxLength: length }),
        ),
      ),
    )
    .map((values) => {
      const events = allocateColumns(length)
      EVENT_COLUMNS.forEach(({ name }, i) => {
        events[name].set(values[i])
      })
      return events
    }),
)

function climbing(first: number, step: number, length: number): number[] {
  return Array.from({ length }, (_, i) => first + i * step)
}

test('events come back from a block as they went in', () => {
  const encoder = new BlockEncoder()
  fc.assert(
    fc.property(columns, (events) => {
      expect(decodeBlock(CODEC_TWO_BROTLI, events.length, encoder.encode(events))).toEqual(events)
    }),
  )
})

test('a full block of the widest values fits', () => {
  const events = allocateColumns(BLOCK_EVENTS)
  for (const { name } of EVENT_COLUMNS)
    for (let i = 0; i < BLOCK_EVENTS; i++) events[name][i] = i % 2 === 0 ? 0 : 2 ** 51 - i
  expect(decodeBlock(CODEC_TWO_BROTLI, BLOCK_EVENTS, new BlockEncoder().encode(events))).toEqual(events)
})

test('only the columns that are asked for are unpacked', () => {
  const events = allocateColumns(3)
  events.vpn.set([1, 2, 3])
  events.mm.set([4, 5, 6])
  const read = decodeBlock(CODEC_TWO_BROTLI, 3, new BlockEncoder().encode(events), ['mm'])
  expect([...read.mm]).toEqual([4, 5, 6])
  expect([...read.vpn]).toEqual([0, 0, 0])
})

test('a block that an older cowpath wrote, as one deflated stream, is read', () => {
  // One column: `mm` (8), by differences (3), two bytes: 4, then 1 more.
  const blob = deflateRawSync(Buffer.from([1, 8, 3, 2, 0, 0, 0, 8, 2]))
  for (const only of [undefined, ['mm'] as const])
    expect([...decodeBlock(1, 2, blob, only).mm]).toEqual([4, 5])
})

test('a damaged block is refused or read as something else, never a crash', () => {
  const encoder = new BlockEncoder()
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(columns, damage, fc.nat(), (events, changes, cut) => {
      const blob = encoder.encode(events)
      for (const [at, value] of changes) blob[at % blob.length] = value
      readOrRefuse(blob.subarray(0, blob.length - (cut % blob.length)), events)
    }),
  )
})

function readOrRefuse(blob: Uint8Array, events: EventColumns): void {
  try {
    expect(decodeBlock(CODEC_TWO_BROTLI, events.length, blob).length).toBe(events.length)
  } catch (error) {
    expect(error).toBeInstanceOf(DamagedBlock)
  }
}

test('a codec or a size that this program does not know is refused', () => {
  expect(() => decodeBlock(99, 1, Buffer.alloc(0))).toThrow('codec 99 is not known')
  expect(() => decodeBlock(CODEC_TWO_BROTLI, 2 ** 31, Buffer.alloc(0))).toThrow(DamagedBlock)
})
