import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventColumns, StreamItem } from '../model/events.js'
import { allocateColumns } from './columns.js'
import { DecodeError } from './cursor.js'
import { MAX_EVENTS, decodeResponse } from './decode.js'
import { encodeItem } from './encode.js'
import { cowpath } from './generated/cowpath.js'
import { madeUpAgent, madeUpBatch, type BatchItem } from './testing/made-up.js'

const { TraceResponse } = cowpath.v1
type Properties = cowpath.v1.Batch.$Properties

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }))
const sint32 = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer())
const uint53 = fc.oneof(fc.nat(300), fc.maxSafeNat())

const UINT32 = ['cpu', 'tgid', 'tid', 'mm', 'otherMm', 'otherTgid', 'pages', 'flags', 'stack'] as const
const SINT32 = ['refcount', 'mapcount', 'pincount', 'newRefcount'] as const
const UINT53 = ['vpn', 'oldPfn', 'newPfn', 'aux'] as const
const BYTES = ['kind', 'outcome', 'order'] as const

/** Batches as an agent may send them: each column is there or is not. */
const batches: fc.Arbitrary<Properties> = fc.nat(70).chain((count) => {
  const column = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.oneof(fc.constant<T[]>([]), fc.array(value, { minLength: count, maxLength: count }))
  const columns = <T>(names: readonly string[], value: fc.Arbitrary<T>) =>
    Object.fromEntries(names.map((name) => [name, column(value)]))
  return fc
    .record({
      firstSeq: fc.integer({ min: 1, max: 2 ** 52 }),
      filtered: fc.nat(5),
      baseTimeNs: fc.integer({ min: 2 ** 50, max: 2 ** 51 }),
      timeDeltaNs: column(fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
      ...columns(UINT32, uint32),
      ...columns(SINT32, sint32),
      ...columns(UINT53, uint53),
      ...Object.fromEntries(
        BYTES.map((name) => [
          name,
          fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ minLength: count, maxLength: count })),
        ]),
      ),
    })
    .map((batch) => ({
      ...batch,
      events: count,
      lastSeq: batch.firstSeq + count + batch.filtered - 1,
    }))
})

/** What the generated decoder makes of it, a value after the other. */
function bySlowWay(bytes: Uint8Array): EventColumns {
  const batch = TraceResponse.decode(bytes).batch ?? {}
  const count = batch.events ?? 0
  const columns = allocateColumns(count)
  let time = batch.baseTimeNs ?? 0
  for (let i = 0; i < count; i++) {
    columns.seq[i] = (batch.firstSeq ?? 0) + i
    time += batch.timeDeltaNs?.[i] ?? 0
    columns.timeNs[i] = time
    for (const name of [...UINT32, ...SINT32, ...UINT53, ...BYTES]) columns[name][i] = batch[name]?.[i] ?? 0
  }
  return columns
}

function encoded(batch: Properties): Uint8Array {
  return TraceResponse.encode({ batch }).finish()
}

function decodedBatch(bytes: Uint8Array): BatchItem {
  const item = decodeResponse(bytes)
  if (item?.type !== 'batch') throw new Error('not a batch')
  return item
}

test('columns are what the generated decoder reads', () => {
  fc.assert(
    fc.property(batches, (batch) => {
      const bytes = encoded(batch)
      expect(decodedBatch(bytes).events).toEqual(bySlowWay(bytes))
    }),
    { numRuns: 500 },
  )
})

test('a batch comes back as it was encoded, processes, stacks and all', () => {
  const item: BatchItem = {
    ...madeUpBatch(7, 100),
    processes: [{ tgid: 4001, parentTgid: 1, mm: 9, comm: 'redis-sérver', startTimeNs: 1e15 }],
    stacks: [
      {
        stack: 1,
        taker: 'vfio_pin_pages_remote',
        frames: ['pin_user_pages_remote+0x41', 'vaddr_get_pfns+0x5f'],
      },
      { stack: 0xffff_ffff, taker: '', frames: [] },
    ],
  }
  expect(decodeResponse(encodeItem(item))).toEqual(item)
})

test.each<StreamItem>([
  {
    type: 'started',
    agent: { ...madeUpAgent(), wallClockOffsetNs: 1_790_000_000_000_000_000n },
    nextSeq: 12,
  },
  {
    type: 'loss',
    loss: { hop: 'replay', count: 5, firstSeq: 3, lastSeq: 7, fromNs: 1, untilNs: 2, leg: '' },
  },
  {
    type: 'loss',
    loss: { hop: 'not-entered', count: 5, firstSeq: 0, lastSeq: 0, fromNs: 1, untilNs: 2, leg: 'gup' },
  },
  {
    type: 'heartbeat',
    timeNs: 9e15,
    lastSeq: 4,
    legs: [
      {
        name: 'fork',
        attached: true,
        hook: 'fentry',
        reasons: ['no BTF'],
        seen: 10,
        submitted: 5,
        ringFull: 1,
        filtered: 2,
        throttled: 1,
        missed: 1,
      },
    ],
    ringUsedBytes: 1,
    ringSizeBytes: 8 << 20,
    residentBytes: 3,
    cpuNs: 4,
  },
])('a $type comes back as it was encoded', (item) => {
  expect(decodeResponse(encodeItem(item))).toEqual(item)
})

test('the wall clock offset keeps all 64 bits', () => {
  // Field 1 of TraceResponse (Started), its field 1 (the agent): boot_id "b", wall_clock_offset_ns odd beyond 2^53.
  const offset = 1_790_000_000_000_000_001n
  const varint: number[] = []
  for (let rest = offset; rest > 0n; rest >>= 7n)
    varint.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
  const agent = [0x12, 1, 0x62, 0x40, ...varint]
  const started = [0x0a, agent.length, ...agent]
  const item = decodeResponse(Uint8Array.from([0x0a, started.length, ...started]))
  expect(item).toMatchObject({ agent: { wallClockOffsetNs: offset } })
})

test('events between filtered ones are numbered in order from the first of their span', () => {
  const bytes = encoded({ firstSeq: 10, lastSeq: 19, events: 3, filtered: 7, kind: Uint8Array.of(1, 2, 3) })
  expect([...decodedBatch(bytes).events.seq]).toEqual([10, 11, 12])
})

test('a column in several pieces, or not packed, is the same column', () => {
  // firstSeq 1, lastSeq 3, events 3; tgid (15): packed [5, 300], then unpacked 7.
  const batch = [0x08, 1, 0x10, 3, 0x18, 3, 0x7a, 3, 5, 0xac, 2, 0x78, 7]
  expect([...decodedBatch(Uint8Array.from([0x12, batch.length, ...batch])).events.tgid]).toEqual([5, 300, 7])
})

test('fields and responses of a newer agent are skipped', () => {
  const unknown = [0xfa, 0x3f, 2, 1, 2, 0xf8, 0x3f, 0x96, 1]
  const batch = [0x08, 1, 0x10, 1, 0x18, 1, ...unknown]
  expect(decodedBatch(Uint8Array.from([0x12, batch.length, ...batch])).events.length).toBe(1)
  expect(decodeResponse(Uint8Array.from([0x4a, 1, 0]))).toBeUndefined()
})

test.each<[string, readonly number[], RegExp]>([
  ['cut off in a varint', [0x08, 0x80], /cut off/],
  ['a length beyond the end', [0x7a, 0x7f, 1], /cut off/],
  ['a length of 2^50', [0x7a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], /cut off/],
  ['a column that is too long', [0x08, 1, 0x10, 1, 0x18, 1, 0x7a, 2, 5, 6], /longer than the 1/],
  ['a column that is too short', [0x08, 1, 0x10, 2, 0x18, 2, 0x7a, 1, 5], /1 values for 2/],
  ['kinds that are too few', [0x08, 1, 0x10, 2, 0x18, 2, 0x52, 1, 5], /1 values for 2/],
  ['more events than its span', [0x08, 1, 0x10, 1, 0x18, 2], /are not 2/],
  ['a number of 2^53', [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], /2\^53/],
  ['an endless varint', [0x08, ...Array<number>(12).fill(0xff)], /2\^53/],
  ['33 bits where 32 belong', [0x18, 0x80, 0x80, 0x80, 0x80, 0x10], /32-bit/],
  ['a time before boot', [0x08, 1, 0x10, 1, 0x18, 1, 0x6a, 1, 1], /before the boot/],
  ['a group', [0x0b], /wire type 3/],
  ['a stack that is cut off', [0x3a, 3, 0x12, 9, 65], /cut off/],
  ['a stack of 300 frames', [0x3a, 0xd8, 4, ...Array<number[]>(300).fill([0x1a, 0]).flat()], /257 frames/],
  ['a symbol of 600 bytes', [0x3a, 0xdb, 4, 0x12, 0xd8, 4, ...Array<number>(600).fill(65)], /600 bytes/],
  ['5,000 stacks', Array<number[]>(5000).fill([0x3a, 0]).flat(), /more than 4096 stacks/],
])('%s is an error, no more', (_what, batch, message) => {
  const length = [(batch.length & 0x7f) | 0x80, ((batch.length >>> 7) & 0x7f) | 0x80, batch.length >>> 14]
  const bytes = Uint8Array.from([0x12, ...length, ...batch])
  expect(() => decodeResponse(bytes)).toThrow(DecodeError)
  expect(() => decodeResponse(bytes)).toThrow(message)
})

test('a batch that claims more events than any agent sends is not believed', () => {
  const bytes = encoded({ firstSeq: 1, lastSeq: MAX_EVENTS + 1, events: MAX_EVENTS + 1 })
  expect(() => decodeResponse(bytes)).toThrow(`a batch of ${MAX_EVENTS + 1} events`)
})

/** Whatever comes in, only a DecodeError comes out. */
function survives(bytes: Uint8Array): void {
  try {
    decodeResponse(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
  }
}

test('random bytes never bring anything but the error of this decoder', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), survives), { numRuns: 2000 })
  const inEach = fc
    .tuple(fc.constantFrom(0x0a, 0x12, 0x1a, 0x22), fc.uint8Array({ maxLength: 100 }))
    .map(([tag, body]) => Uint8Array.from([tag, body.length, ...body]))
  fc.assert(fc.property(inEach, survives), { numRuns: 4000 })
})

test('a damaged or cut message never brings anything but the error of this decoder', () => {
  const damaged = fc.tuple(batches, fc.nat(), fc.nat(255), fc.nat()).map(([batch, at, byte, cut]) => {
    const bytes = Uint8Array.from(encoded(batch))
    bytes[at % bytes.length] = byte
    return bytes.subarray(0, cut % (bytes.length + 1))
  })
  fc.assert(fc.property(damaged, survives), { numRuns: 2000 })
})
