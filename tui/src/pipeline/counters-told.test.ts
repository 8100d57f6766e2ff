import { expect, test } from 'vitest'
import { COUNTER_NAMES, type Counts, type CountersSnapshot, type ProcessCounts } from '../model/counts.js'
import { CountersTold } from './counters-told.js'

function counts(some: Partial<Counts>): Counts {
  return { ...(Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Counts), ...some } // of all names
}

function process(tgid: number, some: Partial<Counts>, ended = false): ProcessCounts {
  return { tgid, startTimeNs: tgid * 10, comm: `p${tgid}`, ended, counts: counts(some) }
}

function snapshot(
  timeNs: number,
  processes: readonly ProcessCounts[],
  other: Partial<Counts> = {},
): CountersSnapshot {
  return { timeNs, processes, other: counts(other), evicted: 0, crowded: 0 }
}

test('what changed is told, with all counts, and what did nothing is not', () => {
  const told = new CountersTold()
  const first = told.change(snapshot(1, [process(7, { copies: 1 }), process(8, {})], { faults: 2 }))
  expect(first.changed.map(({ tgid }) => tgid)).toEqual([0, 7])
  expect(told.change(snapshot(2, [process(7, { copies: 1 }), process(8, {})], { faults: 2 }))).toEqual({
    timeNs: 2,
    changed: [],
    gone: [],
  })
  const ended = told.change(
    snapshot(3, [process(7, { copies: 1 }, true), process(8, { forks: 1 })], { faults: 2 }),
  )
  expect(ended.changed).toEqual([process(7, { copies: 1 }, true), process(8, { forks: 1 })])
})

test('a process whose counts the agent has added to the others is gone', () => {
  const told = new CountersTold()
  told.change(snapshot(1, [process(7, { copies: 1 }, true)]))
  const { changed, gone } = told.change(snapshot(2, [], { copies: 1 }))
  expect(changed).toMatchObject([{ tgid: 0, counts: { copies: 1 } }])
  expect(gone).toMatchObject([{ tgid: 7, startTimeNs: 70 }])
})

test('of another run everything is told', () => {
  const told = new CountersTold()
  const one = snapshot(1, [process(7, { copies: 1 })])
  told.change(one)
  told.clear()
  expect(told.change(one).changed).toHaveLength(1)
})
