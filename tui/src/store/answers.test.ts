import Database from 'better-sqlite3'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { namedQuery } from './files.js'
import type { Keep } from './retention.js'
import { SYNTHETIC_AGENT, SyntheticTrace } from './synthetic.js'
import { RecordingWriter } from './writer.js'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'run.db')
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

function open(keep?: Keep): Promise<RecordingWriter> {
  const nothing = () => undefined
  return RecordingWriter.open(
    path,
    { durable: nothing, paused: nothing, resumed: nothing, failed: nothing },
    keep,
  )
}

/** What the recording answers as it is, and what its rows say where it has no answers. */
function answered(query: string, parameters: Readonly<Record<string, number | null>>) {
  const copy = join(folder, 'copy.db')
  copyFileSync(path, copy)
  const db = new Database(copy)
  const ask = () => db.prepare<[typeof parameters], object>(namedQuery(query)).all(parameters)
  const bySeal = ask()
  db.exec('UPDATE recording SET answered = 0')
  for (const table of ['fork_cost', 'heat', 'hot_page', 'pin_taker', 'sealed_total'])
    db.exec(`DELETE FROM ${table}`)
  const byRows = ask()
  db.close()
  return { bySeal, byRows }
}

const QUESTIONS = [
  ['forks', { limit: 1000, since_ns: null, until_ns: null }],
  ['top-pages', { limit: 50 }],
  ['pins-by-taker', { limit: 50 }],
  ['totals', {}],
  ['heat', { bin_ns: 1e9, limit: 50 }],
] as const

function expectSame(query: string, parameters: Parameters<typeof answered>[1]): readonly object[] {
  const { bySeal, byRows } = answered(query, parameters)
  expect(bySeal, query).toEqual(byRows)
  return bySeal
}

function expectSameAnswers(rowsOfForks: number): void {
  for (const [query, parameters] of QUESTIONS) {
    const bySeal = expectSame(query, parameters)
    if (query === 'forks') expect(bySeal).toHaveLength(rowsOfForks)
    else expect(bySeal.length, query).toBeGreaterThan(0)
  }
}

/** A parent that forks children, each of which copies while the next is born and ends then; the last lives on. */
async function forks(writer: RecordingWriter, first: number, between: () => Promise<void>): Promise<void> {
  let frame = first * 1000
  for (let child = first; child < first + 5; child++) {
    const [born, at] = [child * 100, child * 100 + 5]
    writer.mm({ mm: child, run: 1, agentMm: child, parentMm: 1, bornNs: born, bornBy: 'fork' })
    const copy = (kind: EdgeKind, mm: number, timeNs: number, order: number) => {
      frame += 2
      writer.frameSeen(frame - 1, frame, order, FrameKind.Anon, timeNs, timeNs)
      writer.frameSeen(frame, frame + 1e6, order, FrameKind.Anon, timeNs, timeNs)
      writer.slotMapped(frame, mm, frame % 7, frame, timeNs, Cause.Copy, timeNs, true)
      writer.edge(frame, kind, frame - 1, frame, mm, frame % 7, timeNs, timeNs)
    }
    copy(EdgeKind.ForkCopy, child, born, 0)
    writer.fork({ parentMm: 1, childMm: child, parentTgid: 1, childTgid: child, timeNs: at, seq: at })
    copy(EdgeKind.Copy, 1, at + 1, child % 2 === 0 ? 9 : 0)
    if (child > first) {
      copy(EdgeKind.Copy, child - 1, at + 2, 0)
      writer.mmEnded(child - 1, at + 2, at + 2)
    }
    await between()
    copy(EdgeKind.Unshare, child, at + 2, 0)
    copy(EdgeKind.Migrate, child, at + 3, 0)
    const pin = { mm: child, vpn: 1, pages: 2, pfn: 5, foll: 4 + (child % 2), tgid: child, tid: child }
    writer.pinTaken({ ...pin, pin: child, stack: 0, call: child, fromNs: at, seq: at })
    if (child < first + 4) writer.pinEnded(child, at + child, at, 1)
  }
}

async function begin(writer: RecordingWriter): Promise<void> {
  writer.run(1, SYNTHETIC_AGENT, 1)
  writer.mm({ mm: 1, run: 1, agentMm: 1, parentMm: 0, bornNs: 1, bornBy: 'seen' })
  return Promise.resolve()
}

test('a sealed recording answers what its rows say', async () => {
  const writer = await open()
  await begin(writer)
  await forks(writer, 2, () => Promise.resolve())
  await writer.close()
  expectSameAnswers(5)
})

test('so does one that was written in chunks, closed, and gone on with', async () => {
  const first = await open()
  await begin(first)
  await forks(first, 2, () => first.flush())
  await first.close()
  const second = await open()
  await forks(second, 10, () => second.flush())
  await second.close()
  expectSameAnswers(10)
})

test('so does a bounded one, whose sums are those of the rows that are left', async () => {
  const writer = await open({ keepNs: 1e18 })
  await begin(writer)
  await forks(writer, 2, () => writer.flush())
  await writer.close()
  expectSameAnswers(5)
})

test('so does one of many copies', async () => {
  const trace = new SyntheticTrace(5)
  const writer = await open()
  writer.run(1, SYNTHETIC_AGENT, 1)
  trace.begin(writer)
  for (let batch = 0; batch < 20; batch++) {
    const { firstSeq, lastSeq, events } = trace.next(writer, 1000)
    writer.events(1, firstSeq, lastSeq, events)
    await writer.ready()
  }
  await writer.close()
  const { bySeal, byRows } = answered('top-pages', { limit: 1000 })
  expect(bySeal).toEqual(byRows)
  expect(bySeal).toHaveLength(1000)
  expectSame('totals', {})
  expectSame('heat', { bin_ns: 1e9, limit: 50 })
  // More than are kept: told from the rows.
  expect(answered('top-pages', { limit: 1500 }).bySeal).toHaveLength(1500)
})
