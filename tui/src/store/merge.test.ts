import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mergeRecordings } from './merge.js'
import { Recording } from './recording.js'
import { storedStream } from './stored-stream.js'
import { SYNTHETIC_AGENT } from './synthetic.js'
import { writePinnedRecording } from './testing/pinned-recording.js'

/** Booted 100 s and a bit before the other one. */
const EARLIER_NS = 100_250_000_000
const OTHER_AGENT = {
  ...SYNTHETIC_AGENT,
  bootId: '9d1c0f5e-0000-4000-8000-0000000000aa',
  kernelBootId: '9d1c0f5e-0000-4000-8000-0000000000bb',
  hostname: 'other',
  wallClockOffsetNs: SYNTHETIC_AGENT.wallClockOffsetNs - BigInt(EARLIER_NS),
}

let folder: string
let one: string
let other: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  one = join(folder, 'one.db')
  other = join(folder, 'other.db')
  await writePinnedRecording(one)
  await writePinnedRecording(other, { agent: OTHER_AGENT, lostFromNs: 6e9 })
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function rows(path: string, sql: string): unknown[][] {
  const recording = Recording.open(path)
  try {
    return recording.db.prepare<[], unknown[]>(sql).raw().all()
  } finally {
    recording.close()
  }
}

const COUNTED = 'SELECT (SELECT count(*) FROM TABLE)'
const TABLES = ['mm', 'process', 'fork', 'frame', 'slot', 'edge', 'pin', 'finding', 'evidence', 'event_block', 'run'] as const // prettier-ignore

test('all of both is in it, and what belonged together does so still', () => {
  const merged = join(folder, 'merged.db')
  const before = [one, other].map((path) => readFileSync(path))
  mergeRecordings([one, other], merged)
  expect([one, other].map((path) => readFileSync(path))).toEqual(before)
  for (const table of TABLES) {
    const count = (path: string) => Number(rows(path, COUNTED.replace('TABLE', table))[0][0])
    expect([table, count(merged)]).toEqual([table, count(one) + count(other)])
  }
  // A slot's frame, a pin's mm, a finding's evidence and its pin: each of its own part.
  const joined = `SELECT m.run, f.pfn, s.vpn FROM slot s JOIN frame f USING (frame) JOIN mm m ON m.mm = s.mm ORDER BY 1, 2`
  const ofOne = rows(one, joined)
  expect(rows(merged, joined)).toEqual([...ofOne, ...ofOne.map(([, ...rest]) => [2, ...rest])])
  const evidence = `SELECT e.run, f.rule, p.vpn, m.run FROM finding f JOIN evidence e USING (finding)
                    JOIN pin p ON p.pin = e.pin JOIN mm m ON m.mm = p.mm ORDER BY 1, 2, e.which`
  const found = rows(one, evidence)
  expect(rows(merged, evidence)).toEqual([...found, ...found.map(([, rule, vpn]) => [2, rule, vpn, 2])])
})

test('times are those of the host that booted first, whatever is told of them', () => {
  const merged = join(folder, 'clocks.db')
  mergeRecordings([one, other], merged)
  expect(rows(merged, 'SELECT run, from_ns FROM event_block ORDER BY run')).toEqual([
    [1, 2e9 + EARLIER_NS],
    [2, 2e9],
  ])
  expect(rows(merged, 'SELECT DISTINCT CAST(wall_clock_offset_ns AS TEXT) FROM run')).toEqual([
    [String(OTHER_AGENT.wallClockOffsetNs)],
  ])
  for (const [sql, shift] of [
    ['SELECT from_ns FROM pin WHERE pin IN (1, 2, 3)', EARLIER_NS],
    ['SELECT reference_taken_ns FROM evidence WHERE run = 1', EARLIER_NS],
    ['SELECT at_ns FROM fork WHERE fork = 1', EARLIER_NS],
    ['SELECT second_ns FROM rate WHERE mm = 1', Math.floor(EARLIER_NS / 1e9) * 1e9],
  ] as const)
    expect(rows(merged, sql)).toEqual(rows(one, sql).map(([time]) => [Number(time) + shift]))
  const recording = Recording.open(merged)
  try {
    const times = [...recording.events()].map(({ events }) => events.timeNs[0])
    expect(times).toEqual([2e9 + EARLIER_NS, 2e9])
  } finally {
    recording.close()
  }
})

test('each part is concluded from again as what it was: its own agent, its own losses', () => {
  const merged = join(folder, 'again.db')
  mergeRecordings([other, one], merged)
  const recording = Recording.open(merged)
  try {
    const steps = [...storedStream(recording)].map(({ run, item }) =>
      item.type === 'started' ? `${run} ${item.agent.hostname}` : `${run} ${item.type}`,
    )
    expect([...new Set(steps)]).toEqual(['1 other', '1 batch', '1 loss', '2 synthetic', '2 batch'])
  } finally {
    recording.close()
  }
})

test('the same run twice is refused, and nothing is left behind', () => {
  const merged = join(folder, 'twice.db')
  expect(() => {
    mergeRecordings([one, other, one], merged)
  }).toThrow(/both hold the same run of the agent on synthetic/)
  expect(() => Recording.open(merged)).toThrow(/no such file/)
})

test('a file that is there is never replaced', () => {
  expect(() => {
    mergeRecordings([one], other)
  }).toThrow(/there already/)
})

test('a free that the row of its frame does not tell is told of it in the whole', () => {
  const [part, merged] = [join(folder, 'freed.db'), join(folder, 'all-freed.db')]
  copyFileSync(one, part)
  const db = new Database(part)
  db.exec('INSERT INTO freed SELECT max(frame), 7000000000, 9 FROM frame WHERE freed_ns IS NULL')
  db.close()
  mergeRecordings([part], merged)
  const freed = 'SELECT frame, freed_ns, freed_seq FROM v_frame WHERE freed_ns IS NOT NULL'
  expect(rows(merged, freed)).toContainEqual(rows(part, 'SELECT * FROM freed')[0])
  expect(rows(merged, freed)).toEqual(rows(part, freed))
})

test('the same process id on two hosts is two processes', () => {
  const merged = join(folder, 'hosts.db')
  mergeRecordings([one, other], merged)
  const db = new Database(merged)
  db.exec('INSERT INTO rate SELECT 5000000000, 10, mm, 1, 2, mm, mm, 0, 0 FROM mm WHERE agent_mm = 1')
  db.close()
  const recording = Recording.open(merged)
  try {
    const top = recording.ask<{ hostname: string; tgid: number; comm: string }>('top-processes', {
      by: 'copies',
      limit: 9,
    })
    expect(top.map(({ hostname, tgid, comm }) => [hostname, tgid, comm])).toEqual([
      ['other', 10, 'driver'],
      ['synthetic', 10, 'driver'],
    ])
  } finally {
    recording.close()
  }
})
