import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columnsOf, NO_EVENT } from '../model/event-rows.js'
import { Window, WINDOW_EVENTS } from './window.js'

const WINDOW_NS = 20e6

/** Batches of events by their times; events are numbered as they come. */
function batchesOf(times: readonly (readonly number[])[]) {
  let seq = 0
  return times.map((batch) => columnsOf(batch.map((timeNs) => ({ ...NO_EVENT, seq: ++seq, timeNs }))))
}

/** Numbers of events in the order in which they are released, each as soon as it is due. */
function released(times: readonly (readonly number[])[]): readonly number[] {
  const window = new Window()
  const order: number[] = []
  const release = () => {
    const { batch, index, timeNs } = window
    expect(timeNs).toBe(batch.timeNs[index])
    order.push(batch.seq[index])
    window.drop()
  }
  for (const batch of batchesOf(times))
    for (let i = 0; i < batch.length; i++) {
      window.push(batch, i, batch.timeNs[i])
      while (window.isDue) release()
    }
  while (window.hasBefore(Infinity)) release()
  return order
}

/** The same by a list that is searched through. */
function expected(times: readonly (readonly number[])[]): readonly number[] {
  const waiting: { readonly seq: number; readonly timeNs: number }[] = []
  const order: number[] = []
  let newestNs = 0
  const release = (isDue: (firstNs: number) => boolean) => {
    for (let first = waiting.at(0); first !== undefined && isDue(first.timeNs); first = waiting.at(0)) {
      order.push(first.seq)
      waiting.shift()
    }
  }
  for (const [i, timeNs] of times.flat().entries()) {
    const behind = waiting.findIndex((one) => one.timeNs > timeNs)
    waiting.splice(behind < 0 ? waiting.length : behind, 0, { seq: i + 1, timeNs })
    newestNs = Math.max(newestNs, timeNs)
    release((firstNs) => firstNs <= newestNs - WINDOW_NS)
  }
  release(() => true)
  return order
}

test('events are released in order of time, of sequence where times are equal, however they come in batches', () => {
  const time = fc.integer({ min: 0, max: 40 }).map((step) => 1e9 + step * 1e6)
  const inOrder = fc.array(time, { maxLength: 12 }).map((times) => [...times].sort((a, b) => a - b))
  const times = fc.array(fc.oneof(inOrder, fc.array(time, { maxLength: 12 })), { maxLength: 12 })
  fc.assert(
    fc.property(times, (batches) => {
      expect(released(batches)).toEqual(expected(batches))
    }),
    { numRuns: 300 },
  )
})

test('no more wait than the window holds, whatever their times say', () => {
  const window = new Window()
  const [batch] = batchesOf([Array.from({ length: WINDOW_EVENTS }, (_, i) => 1e9 - i)])
  for (let i = 0; i < WINDOW_EVENTS; i++) {
    expect(window.isDue).toBe(false)
    window.push(batch, i, batch.timeNs[i])
  }
  expect(window.isDue).toBe(true)
  expect(batch.seq[window.index]).toBe(WINDOW_EVENTS)
  window.drop()
  expect(window.isDue).toBe(false)
})
