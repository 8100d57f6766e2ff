import fc from 'fast-check'
import { expect, test } from 'vitest'
import { COUNTERS, decodeCounters } from './counters.js'
import { DecodeError } from './cursor.js'
import { cowpath } from './generated/cowpath.js'

const { CountersResponse } = cowpath.v1

function encoded(response: cowpath.v1.CountersResponse.$Properties): Uint8Array {
  return CountersResponse.encode(response).finish()
}

const TWO = {
  timeNs: 5e12,
  tgid: [7, 9],
  startTimeNs: [1e9, 2e9],
  comm: [Buffer.from('redis'), Buffer.from('fio')],
  ended: [false, true],
}

test('each process has its own entry of every column, and what an agent does not count is 0', () => {
  const copies = { counter: COUNTERS.copies, values: [3, 4], other: 5 }
  const unknown = { counter: cowpath.v1.Counter.COUNTER_UNSPECIFIED, values: [1, 1], other: 1 }
  const { timeNs, processes, other } = decodeCounters(encoded({ ...TWO, columns: [copies, unknown] }))
  expect(timeNs).toBe(5e12)
  expect(processes.map(({ tgid, comm, ended, counts }) => [tgid, comm, ended, counts.copies])).toEqual([
    [7, 'redis', false, 3],
    [9, 'fio', true, 4],
  ])
  expect([other.copies, other.faults, processes[0].counts.faults]).toEqual([5, 0, 0])
})

test('columns of another length than the processes are refused', () => {
  const short = { counter: COUNTERS.copies, values: [3], other: 0 }
  expect(() => decodeCounters(encoded({ ...TWO, columns: [short] }))).toThrow(DecodeError)
  expect(() => decodeCounters(encoded({ ...TWO, comm: [] }))).toThrow('0 values for 2 processes')
})

test('bytes that are no response are refused, or read as one, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeCounters(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})
