import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NO_FACTS, type PinFact } from '../model/facts.js'
import type { Finding } from '../model/finding.js'
import type { LossInfo, StreamItem } from '../model/events.js'
import { Recording } from '../store/recording.js'
import { Recorder } from './recorder.js'
import { rulesUnder } from './rules-under.js'
import { lostReads, seeingAgent, STORY_EVENTS } from './testing/lost-read.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-recorder-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const started: StreamItem = { type: 'started', agent: seeingAgent(), nextSeq: 1 }

async function recorded(path: string, items: readonly StreamItem[]): Promise<void> {
  const recorder = await Recorder.open(path, rulesUnder())
  for (const item of items) await recorder.take(item)
  await recorder.close()
}

function rows(path: string, sql: string): unknown[] {
  const recording = Recording.open(path)
  try {
    return recording.db.prepare(sql).raw().all()
  } finally {
    recording.close()
  }
}

/** What is concluded, however it is written: a bounded recording writes it in other rows. */
const TABLES = {
  finding: '* FROM finding',
  evidence: '* FROM evidence',
  rule_count: '* FROM rule_count',
  pin: '* FROM pin',
  anomaly: '* FROM anomaly',
  slot: '* FROM slot',
  frame: 'frame, pfn, folio_order, kind, seen_ns, seen_seq, freed_ns, freed_seq FROM v_frame',
  edge: 'at_ns, to_frame, from_frame, kind, mm, vpn, seq FROM edge',
  mm: '* FROM mm',
  stack: '* FROM stack',
} as const

function all(path: string): object {
  return Object.fromEntries(
    Object.entries(TABLES).map(([table, columns]) => [
      table,
      rows(path, `SELECT ${columns} ORDER BY 1, 2, 3`),
    ]),
  )
}

const FOUND =
  'SELECT rule, verdict, count, tgid, cause, reference_kind, taker FROM v_finding ORDER BY verdict, rule'

test('an O_DIRECT read that loses its data is a hazard in the recording, with who took the reference', async () => {
  const path = join(folder, 'run.db')
  await recorded(path, [started, lostReads(1, STORY_EVENTS)])
  expect(rows(path, FOUND)).toContainEqual(['R05', 'hazard', 1, 10, 'fork', 'get', 'iov_iter_get_pages2'])
  expect(rows(path, 'SELECT kind, write, taker FROM v_pin')).toEqual([['get', 1, 'iov_iter_get_pages2']])
})

test('a recording that goes on finds what one in a single piece finds, with the same numbers', async () => {
  const last = STORY_EVENTS * 40
  const whole = join(folder, 'whole.db')
  await recorded(whole, [started, lostReads(1, last)])
  const cuts = [1, 2, 7, 8, 63, 100, 131]
  const pieces = join(folder, 'pieces.db')
  let from = 1
  for (const until of [...cuts, last]) {
    await recorded(pieces, [{ ...started, nextSeq: from }, lostReads(from, until)])
    from = until + 1
  }
  expect(rows(whole, "SELECT sum(count) FROM finding WHERE rule = 'R05'")).toEqual([[40]])
  expect(all(pieces)).toEqual(all(whole))
})

test('a recording that is opened and closed again holds what it held', async () => {
  const path = join(folder, 'run.db')
  await recorded(path, [started, lostReads(1, 50)])
  const before = all(path)
  await recorded(path, [])
  expect(all(path)).toEqual(before)
})

const RING: LossInfo = {
  hop: 'ring',
  count: 3,
  firstSeq: 0,
  lastSeq: 0,
  fromNs: 5e12 + 1e6,
  untilNs: 5e12 + 4.5e6,
  leg: 'unpin',
}

test('what was uncertain for lost events is so again when a recording goes on: nothing is accused later', async () => {
  const path = join(folder, 'gap.db')
  // Lost between GUP and the copy: perhaps the reference was given back, and the frame another.
  await recorded(path, [started, lostReads(1, 3), { type: 'loss', loss: RING }, lostReads(4, STORY_EVENTS)])
  const found = rows(path, FOUND)
  expect(found).not.toContainEqual(expect.arrayContaining(['R05', 'hazard']))
  await recorded(path, [])
  expect(rows(path, FOUND)).toEqual(found)
})

test('each run of an agent is judged by its own kernel, and findings are numbered through', async () => {
  const path = join(folder, 'runs.db')
  const items = (bootId: string, release: string): StreamItem[] => [
    { type: 'started', agent: seeingAgent(bootId, release), nextSeq: 1 },
    lostReads(1, STORY_EVENTS),
  ]
  await recorded(path, [...items('run-1', '6.1.0-32-amd64'), ...items('run-2', '5.10.0-30-amd64')])
  const perRun = "SELECT e.run, count(*) FROM evidence e WHERE which = 'first' GROUP BY e.run"
  const [[, first], [, second]] = rows(path, perRun) as [number, number][]
  expect(first).toBeGreaterThan(0)
  expect(second).toBeGreaterThan(0)
  expect(rows(path, 'SELECT count(*), min(finding), max(finding) FROM finding')).toEqual([
    [first + second, 1, first + second],
  ])
  const counted = rows(path, 'SELECT DISTINCT run FROM rule_count ORDER BY run')
  expect(counted).toEqual([[1], [2]])
})

test('who looks on is told findings and pins, also those of the recording that goes on', async () => {
  const path = join(folder, 'shown.db')
  await recorded(path, [started, lostReads(1, STORY_EVENTS)])
  const findings: Finding[] = []
  const pins: PinFact[] = []
  const ended: number[] = []
  const slots: number[] = []
  const recorder = await Recorder.open(path, rulesUnder(), {
    finding: (finding) => findings.push(finding),
    ruleCounts: () => undefined,
    pinTaken: (pin) => pins.push(pin),
    pinEnded: (pin) => ended.push(pin),
    process: () => undefined,
    fork: () => undefined,
    families: { ...NO_FACTS, slotMapped: (slot) => slots.push(slot) },
  })
  await recorder.close()
  expect(findings.map(({ rule }) => rule)).toContain('R05')
  expect(pins).toHaveLength(1)
  expect(ended).toEqual([])
  expect(slots.length).toBeGreaterThan(0)
})

test('a recording of which events were removed goes on behind what it holds, and accuses nobody twice', async () => {
  const path = join(folder, 'trimmed.db')
  await recorded(path, [started, lostReads(1, STORY_EVENTS)])
  const db = new Database(path)
  db.exec(`INSERT INTO gap (run, reason, leg, events, first_seq, last_seq, from_ns, until_ns, after_seq)
           SELECT run, 'retention', '', events, first_seq, last_seq, from_ns, until_ns, 0 FROM event_block;
           DELETE FROM event_block`)
  db.close()
  const before = all(path) as Record<string, unknown[]>
  await recorded(path, [
    { ...started, nextSeq: STORY_EVENTS + 1 },
    lostReads(STORY_EVENTS + 1, 2 * STORY_EVENTS),
  ])
  const after = all(path) as Record<string, unknown[]>
  // What was there is there, with the same numbers; what comes has numbers of its own, and belongs together.
  for (const table of ['finding', 'evidence', 'frame', 'edge', 'mm'] as const)
    expect(after[table].slice(0, before[table].length)).toEqual(before[table])
  expect(rows(path, "SELECT count FROM finding WHERE rule = 'R05' AND verdict = 4")).toEqual([[1], [1]])
  const newest = `SELECT count(*) FROM evidence e JOIN finding f ON f.finding = e.finding AND f.mm = e.mm
                  JOIN mm m ON m.mm = e.mm JOIN pin p ON p.pin = e.pin AND p.mm = e.reference_mm
                  WHERE f.finding > ${before.finding.length} AND f.rule = 'R05'`
  expect(rows(path, newest)[0]).not.toEqual([0])
  expect(rows(path, 'SELECT count(*) FROM slot WHERE until_cause = 20')[0]).not.toEqual([0])
})
