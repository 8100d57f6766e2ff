import { expect, test } from 'vitest'
import { Kind, Outcome } from '../model/kinds.js'
import { ForkBook, type ForkRow } from './live-forks.js'
import { columnsOf, type SyntheticEvent } from './testing/synthetic-stream.js'

const fork = (mm: number, otherMm: number, timeNs = 1): SyntheticEvent => ({
  kind: Kind.Fork,
  tgid: mm * 10,
  otherTgid: otherMm * 10,
  mm,
  otherMm,
  timeNs,
})
const copy = (mm: number): SyntheticEvent => ({ kind: Kind.WpFault, outcome: Outcome.Copy, mm })
const exit = (mm: number, timeNs: number): SyntheticEvent => ({ kind: Kind.MmExit, mm, timeNs })

function told(...happened: readonly SyntheticEvent[]): {
  readonly rows: readonly ForkRow[]
  readonly book: ForkBook
} {
  const book = new ForkBook()
  const events = columnsOf(happened)
  for (let i = 0; i < events.length; i++) book.count(events, i)
  return { book, rows: book.rows((tgid) => `comm ${tgid}`, 4096) }
}

test('a fork is told what parent and child copied while the child lived, and not what came before or after', () => {
  const before = copy(1)
  const after = [copy(1), copy(2)]
  const { rows } = told(before, fork(1, 2, 5), copy(1), copy(1), copy(2), exit(2, 9), ...after)
  expect(rows).toEqual([
    {
      tgid: 10,
      comm: 'comm 10',
      childTgid: 20,
      atNs: 5,
      untilNs: 9,
      parentCopies: 2,
      childCopies: 1,
      early: 0,
      bytes: 3 * 4096,
      depth: 0,
    },
  ])
})

test('what fork itself copies for the child comes before the fork is told, and counts', () => {
  const early = { kind: Kind.ForkCopy, tgid: 10, mm: 1, otherMm: 2, pages: 1, timeNs: 4 }
  const { rows } = told({ kind: Kind.ForkVma, tgid: 10, mm: 1, otherMm: 2, timeNs: 3 }, early, fork(1, 2, 5))
  expect(rows).toMatchObject([
    { atNs: 5, childCopies: 1, early: 1, bytes: 4096, childTgid: 20, untilNs: null },
  ])
})

test('a copy counts for every fork in whose time it was made', () => {
  const { rows } = told(fork(1, 2), copy(1), fork(1, 3), copy(1))
  expect(rows.map(({ childTgid, parentCopies }) => [childTgid, parentCopies])).toEqual([
    [20, 2],
    [30, 1],
  ])
})

test('forks stand below the fork that their parent came of, the dearest first', () => {
  const { rows } = told(fork(1, 2), fork(2, 3), fork(2, 4), fork(1, 5), copy(4), copy(5), copy(5))
  expect(rows.map(({ childTgid, depth }) => [childTgid, depth])).toEqual([
    [50, 0],
    [20, 0],
    [40, 1],
    [30, 1],
  ])
})

test('a process that shares its memory with its parent was given none', () => {
  expect(told(fork(1, 1), fork(1, 0)).rows).toEqual([])
})

test('of more forks than are kept the oldest are forgotten, and counted', () => {
  const open = Array.from({ length: 1500 }, (_, i) => fork(1, 2 + i))
  const kept = told(...open)
  expect(kept.rows).toHaveLength(1000)
  expect(kept.book.forgotten).toBe(500)
  const ended = told(...open.flatMap((one, i) => [one, exit(2 + i, 2)]))
  expect(ended.rows).toHaveLength(1000)
  expect(ended.book.forgotten).toBe(500)
})

test('a broken stream in which address spaces are born again and again makes no more rows than forks', () => {
  const chain = Array.from({ length: 40 }, (_, i) => [
    fork(i + 1, i + 2),
    exit(i + 2, 2),
    fork(i + 1, i + 2),
  ]).flat()
  expect(told(...chain).rows.length).toBeLessThanOrEqual(80)
})
