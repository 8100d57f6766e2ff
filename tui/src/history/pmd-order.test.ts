import { expect, test } from 'vitest'
import { Flag, Kind } from '../model/kinds.js'
import { History } from './history.js'
import type { HistoryView } from './judge.js'
import { batchOf, type EventRow, numbered } from './testing/events.js'
import { factLog } from './testing/fact-log.js'

/** How the page at `vpn` is mapped behind the events, on a host of that PMD order. */
function isWhole(pmdOrder: number, vpn: number, events: readonly Partial<EventRow>[]): boolean | undefined {
  const seen: (boolean | undefined)[] = []
  const judge = {
    begin: () => undefined,
    judge: (_events: unknown, i: number, view: HistoryView) => {
      if (i === events.length) seen.push(view.slotAt(1, vpn)?.isPmdMapped)
    },
  }
  const history = new History(factLog().sink, { judge })
  history.begin(1, 1, pmdOrder)
  history.apply(batchOf(numbered([...events, { kind: Kind.UffdMessage, mm: 1 }])))
  history.finish()
  return seen[0]
}

const flags = Flag.Anon | Flag.VmaAnon | Flag.VmaMaywrite

test.each([1, 9, 11, 13])('a PMD of order %d maps its pages as one until it is split', (order) => {
  const pages = 2 ** order
  const touched = { kind: Kind.AnonNew, mm: 1, vpn: pages, newPfn: 2 * pages, order }
  const split = { kind: Kind.PmdSplit, mm: 1, vpn: pages, oldPfn: 2 * pages, order, flags }
  const last = 2 * pages - 1
  expect(isWhole(order, last, [touched])).toBe(true)
  expect(isWhole(order, last, [touched, split])).toBe(false)
})

test('a folio of a THP of other hosts is mapped page by page where PMDs are larger', () => {
  const touched = { kind: Kind.AnonNew, mm: 1, vpn: 8192, newPfn: 8192, order: 9 }
  expect(isWhole(9, 8192, [touched])).toBe(true)
  expect(isWhole(13, 8192, [touched])).toBe(false)
})
