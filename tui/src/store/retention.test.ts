import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StreamItem } from '../model/events.js'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import type { Finding } from '../model/finding.js'
import { Foll, Kind, Outcome } from '../model/kinds.js'
import { Recording } from './recording.js'
import type { Keep } from './retention.js'
import { storedStream } from './stored-stream.js'
import { allocateColumns } from './columns.js'
import { SYNTHETIC_AGENT } from './synthetic.js'
import { RecordingWriter } from './writer.js'

const BATCH = 4096
const BATCHES = 60
const NS_AN_EVENT = 1000
const BEGIN_NS = 5e9
const KEEP_NS = 20 * BATCH * NS_AN_EVENT
/** Pages that are copied in turn, each into a frame of its own. */
const PAGES = 100
const FIRST_PAGE = { mm: 1, vpn: 0x7f0000000 }

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const LISTENER = {
  durable: () => undefined,
  paused: () => undefined,
  resumed: () => undefined,
  failed: (error: Error) => {
    throw error
  },
}

const EVIDENCE = {
  run: 1,
  seq: 9,
  timeNs: BEGIN_NS,
  kind: Kind.WpFault,
  outcome: Outcome.Copy,
  tgid: 1000,
  tid: 1000,
  ...FIRST_PAGE,
  oldPfn: 1,
  newPfn: 2,
  flags: 1,
  refcount: 1025,
  mapcount: 1,
  pincount: 1,
  reference: {
    pin: 1,
    kind: 'pin',
    write: true,
    longterm: true,
    stack: 3,
    tgid: 1000,
    ...FIRST_PAGE,
    takenNs: BEGIN_NS,
  },
  words: 'the slot maps another frame than the one that is pinned',
} as const

const FINDING: Finding = {
  finding: 1,
  rule: 'R05',
  verdict: 'hazard',
  count: 1,
  firstNs: BEGIN_NS,
  lastNs: BEGIN_NS,
  mm: 1,
  tgid: 1000,
  size: '4k',
  cause: 'fork',
  causeTgid: 0,
  first: EVIDENCE,
  last: EVIDENCE,
}

/** Pages that are copied in turn, with two short pins and one finding at the very beginning. */
async function record(path: string, keep: Keep): Promise<void> {
  const writer = await RecordingWriter.open(path, LISTENER, keep)
  writer.run(1, SYNTHETIC_AGENT, 1)
  writer.mm({ mm: 1, run: 1, agentMm: 1, parentMm: 0, bornNs: BEGIN_NS, bornBy: 'seen' })
  writer.mm({ mm: 2, run: 1, agentMm: 2, parentMm: 1, bornNs: BEGIN_NS, bornBy: 'fork' })
  writer.mmEnded(2, BEGIN_NS + 1e6, 1000)
  const pin = { ...FIRST_PAGE, pages: 1, pfn: 1, foll: Foll.Pin, tgid: 1000, tid: 1000, stack: 3, call: 1 }
  writer.pinTaken({ ...pin, pin: 1, fromNs: BEGIN_NS, seq: 1 })
  writer.pinTaken({ ...pin, pin: 2, fromNs: BEGIN_NS, seq: 1 })
  writer.pinEnded(1, BEGIN_NS + 1e6, 9, 1)
  writer.pinEnded(2, BEGIN_NS + 1e6, 9, 1)
  writer.finding(FINDING)
  for (let batch = 0; batch < BATCHES; batch++) {
    const events = allocateColumns(BATCH)
    for (let i = 0; i < BATCH; i++) {
      const seq = batch * BATCH + i + 1
      const timeNs = BEGIN_NS + seq * NS_AN_EVENT
      events.seq[i] = seq
      events.timeNs[i] = timeNs
      copied(writer, seq, timeNs)
    }
    writer.events(1, batch * BATCH + 1, (batch + 1) * BATCH, events)
    await writer.ready()
  }
  await writer.close()
}

/** Event `seq` copies the next page in turn: its slot and frame have the event's number. */
function copied(writer: RecordingWriter, seq: number, timeNs: number): void {
  const { mm, vpn } = FIRST_PAGE
  const before = seq - PAGES
  writer.frameSeen(seq, seq, 0, FrameKind.Anon, timeNs, seq)
  writer.slotMapped(seq, mm, vpn + (seq % PAGES), seq, timeNs, Cause.Copy, seq, true)
  if (before <= 0) return
  writer.slotEnded(before, timeNs, Cause.Copy, seq, mm, vpn + (seq % PAGES))
  writer.frameFreed(before, timeNs, seq)
  writer.edge(before, EdgeKind.Copy, before, seq, mm, vpn + (seq % PAGES), timeNs, seq)
}

function asking<T>(path: string, step: (recording: Recording) => T): T {
  const recording = Recording.open(path)
  try {
    return step(recording)
  } finally {
    recording.close()
  }
}

function number(recording: Recording, sql: string): number {
  return recording.db.prepare<[], number>(sql).pluck().get() ?? NaN
}

test('what is older than --keep goes, told event by event; what is younger stays', async () => {
  const path = join(folder, 'kept.db')
  await record(path, { keepNs: KEEP_NS })
  asking(path, (recording) => {
    const newest = number(recording, 'SELECT max(until_ns) FROM event_block')
    const oldest = number(recording, 'SELECT min(until_ns) FROM event_block')
    expect(newest - oldest).toBeGreaterThanOrEqual(KEEP_NS)
    expect(newest - oldest).toBeLessThan(2 * KEEP_NS)
    const left = number(recording, 'SELECT sum(events) FROM event_block')
    const [gone] = recording.select<{ events: number; first_seq: number; last_seq: number; run: number }>(
      "SELECT run, events, first_seq, last_seq FROM gap WHERE reason = 'retention'",
    )
    expect(gone.events + left).toBe(BATCHES * BATCH)
    expect(gone).toMatchObject({ run: 1, first_seq: 1, last_seq: gone.events })
    expect(number(recording, 'SELECT min(first_seq) FROM event_block')).toBe(gone.last_seq + 1)
    // Not lost: nothing was missed, it was asked for.
    expect(recording.ask<{ lost: number }>('totals', {})[0].lost).toBe(0)
  })
})

test('intervals that were over go with them; those that last, and those of a finding, stay', async () => {
  const path = join(folder, 'parts.db')
  await record(path, { keepNs: KEEP_NS })
  asking(path, (recording) => {
    const { mm, vpn } = FIRST_PAGE
    const last = BATCHES * BATCH
    expect(number(recording, 'SELECT count(*) FROM slot WHERE until_ns IS NULL')).toBe(PAGES)
    // The page of the finding has its whole life: slots, frames, and how one became the other.
    const lives = Math.floor(last / PAGES)
    expect(number(recording, `SELECT count(*) FROM slot WHERE mm = ${mm} AND vpn = ${vpn}`)).toBe(lives)
    const joined = `SELECT count(*) FROM slot s JOIN frame f ON f.frame = s.frame
                    JOIN edge e ON e.to_frame = f.frame JOIN frame o ON o.frame = e.from_frame
                    WHERE s.mm = ${mm} AND s.vpn = ${vpn}`
    expect(number(recording, joined)).toBe(lives - 1)
    const cutoff = number(recording, 'SELECT min(from_ns) FROM event_block') - KEEP_NS / 2
    const others = `vpn <> ${vpn} AND until_ns < ${cutoff}`
    expect(number(recording, `SELECT count(*) FROM slot WHERE ${others}`)).toBe(0)
    expect(number(recording, `SELECT count(*) FROM edge WHERE vpn <> ${vpn} AND at_ns < ${cutoff}`)).toBe(0)
    expect(number(recording, 'SELECT count(*) FROM frame')).toBeLessThan(last / 2)
    expect(recording.select('SELECT pin FROM pin')).toEqual([{ pin: 1 }])
    expect(recording.select('SELECT mm FROM mm')).toEqual([{ mm: 1 }])
    expect(recording.select('SELECT rule FROM v_finding')).toEqual([{ rule: 'R05' }])
  })
})

test('--max-size bounds the file, sealed', async () => {
  const [whole, path] = [join(folder, 'large.db'), join(folder, 'small.db')]
  await record(whole, {})
  const maxBytes = statSync(whole).size / 2
  await record(path, { maxBytes })
  expect(statSync(path).size).toBeLessThan(maxBytes)
  asking(path, (recording) => {
    expect(number(recording, 'SELECT count(*) FROM event_block')).toBeGreaterThan(5)
    // What was removed and not used again was given back.
    expect(number(recording, 'PRAGMA freelist_count')).toBe(0)
  })
})

test('whoever concludes again is told first that events are missing', async () => {
  const path = join(folder, 'again.db')
  await record(path, { keepNs: KEEP_NS })
  const items = asking(path, (recording) => {
    const first: StreamItem[] = []
    for (const { item } of storedStream(recording)) if (first.push(item) === 3) break
    return first
  })
  const [started, loss, batch] = items
  expect(started).toMatchObject({ type: 'started', nextSeq: 1 })
  expect(loss).toMatchObject({ type: 'loss', loss: { hop: 'replay', firstSeq: 1 } })
  if (loss.type !== 'loss' || batch.type !== 'batch') throw new Error('no loss, then batch')
  expect(batch.firstSeq).toBe(loss.loss.lastSeq + 1)
})
