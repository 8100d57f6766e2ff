import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StreamItem } from '../model/events.js'
import { Foll, Kind, Outcome } from '../model/kinds.js'
import { told } from './told.js'
import { imported, recordedLines } from './testing/recorded.js'

type Batch = StreamItem & { readonly type: 'batch' }

function batches(items: readonly StreamItem[]): readonly Batch[] {
  return items.filter((item) => item.type === 'batch')
}

/** Pages (or events) that `wanted` picks. */
function total(items: readonly StreamItem[], wanted: (batch: Batch, i: number) => number): number {
  let sum = 0
  for (const batch of batches(items)) for (let i = 0; i < batch.events.length; i++) sum += wanted(batch, i)
  return sum
}

function losses(items: readonly StreamItem[]): number {
  return items.reduce((sum, item) => sum + (item.type === 'loss' ? item.loss.count : 0), 0)
}

describe.each(['6.1', '6.12'] as const)('what cowpath.bt printed on %s', (series) => {
  const lines = recordedLines(series)
  const { items, counts } = imported(lines)

  test('every line is read and none is missing', () => {
    expect(counts).toEqual({ lines: lines.length, garbled: 0, missing: 0, saidLost: 0 })
    expect(losses(items)).toBe(0)
    expect(items[0]).toMatchObject({ type: 'started', agent: { hostname: 'lab' } })
  })

  test('events are numbered without a hole, and each GUP names its taker', () => {
    let next = 1
    const takers = new Set<string>()
    for (const { firstSeq, lastSeq, events, stacks } of batches(items)) {
      expect([firstSeq, lastSeq]).toEqual([next, next + events.length - 1])
      next = lastSeq + 1
      for (const { taker } of stacks) takers.add(taker)
    }
    expect([...takers]).toEqual(
      expect.arrayContaining(['io_sqe_buffers_register', 'process_vm_rw', '__do_sys_vmsplice']),
    )
  })

  test('pins are as many as were taken, and are given back', () => {
    const pinned = total(items, ({ events }, i) =>
      events.kind[i] === Kind.Gup && (events.aux[i] & Foll.Pin) !== 0 ? events.pages[i] : 0,
    )
    const longterm = total(items, ({ events }, i) =>
      events.kind[i] === Kind.Gup && (events.aux[i] & Foll.Longterm) !== 0 ? events.pages[i] : 0,
    )
    const given = total(items, ({ events }, i) => (events.kind[i] === Kind.Unpin ? events.pages[i] : 0))
    expect([pinned, longterm, given]).toEqual([6, 3, 6])
  })

  test('each write fault ended in a copy, in a reuse, or is known to have changed nothing', () => {
    const begun = lines.filter((line) => line.includes('"wp n=')).length
    const ended = total(items, ({ events }, i) => (events.kind[i] === Kind.WpFault ? 1 : 0))
    const copies = total(items, ({ events }, i) =>
      events.kind[i] === Kind.WpFault && events.outcome[i] === Outcome.Copy ? 1 : 0,
    )
    expect(ended).toBe(begun)
    expect(copies).toBeGreaterThanOrEqual(4)
  })
})

describe('lines that are missing or not whole', () => {
  const lines = recordedLines('6.12')

  test('each that is missing between others of its processor is counted as lost', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(lines.length - 1), { maxLength: 40 }), (dropped) => {
        // Without its first line there is no run.
        const gone = new Set(dropped.filter((i) => i > 4))
        const kept = lines.filter((line, i) => line.startsWith('{"type": "printf"') && !gone.has(i))
        const found = imported(kept)
        expect(losses(found.items)).toBeGreaterThanOrEqual(found.counts.missing)
        expect(found.counts.missing).toBe(holesIn(kept))
      }),
      { numRuns: 20 },
    )
  })

  test('nothing that a line holds makes it fail, and what cannot be read is counted', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.tuple(fc.constantFrom(...lines), fc.nat(400)).map(([line, at]) => line.slice(0, at)),
      fc
        .tuple(fc.constantFrom(...lines), fc.nat(400), fc.string())
        .map(([line, at, put]) => line.slice(0, at) + put + line.slice(at + put.length)),
      fc.constantFrom(...lines),
    )
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 200 }), (given) => {
        const { counts, items } = imported([...lines.slice(0, 4), ...given])
        expect(counts.garbled).toBeLessThanOrEqual(given.length)
        for (const { events } of batches(items)) expect(events.seq.every(Number.isSafeInteger)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('what bpftrace says it lost and left no hole is a gap over the whole run', () => {
    const said = '{"type": "lost_events", "data": {"events": 7}}'
    const { counts, items } = imported([...lines, said])
    expect(counts.saidLost).toBe(7)
    expect(losses(items)).toBe(7)
  })

  test('a second run in one file is a run of its own', () => {
    const { items } = imported([...lines, ...lines])
    expect(items.filter(({ type }) => type === 'started')).toHaveLength(2)
  })

  test('a line that is cut off is not half read', () => {
    const whole = 'free n=1 cpu=0 t=5 pid=1 tid=1 pfn=ab order=0\n'
    expect(told(whole)?.number('pfn')).toBe(0xab)
    for (let end = 0; end < whole.length; end++) expect(told(whole.slice(0, end))).toBeUndefined()
  })

  test('a name may hold what it likes', () => {
    const hostile = 'exec n=1 cpu=0 t=5 pid=1 tid=1 mm=2 comm=a comm=b\u001b[31m\nx\n'
    expect(told(hostile)?.text).toBe('a comm=b\u001b[31m\nx')
  })
})

/** Counted anew, by another way: the number of a processor's line, less those that came. */
function holesIn(lines: readonly string[]): number {
  const byCpu = new Map<string, number[]>()
  for (const line of lines) {
    const found = /"[a-z-]+ n=([0-9a-f]+) cpu=([0-9a-f]+) /.exec(line)
    if (found === null) continue
    byCpu.set(found[2], [...(byCpu.get(found[2]) ?? []), Number.parseInt(found[1], 16)])
  }
  // Nothing of a run is read before its first line.
  return [...byCpu.values()].reduce(
    (sum, all) => sum + Math.max(...all) - Math.min(...all) + 1 - all.length,
    0,
  )
}
