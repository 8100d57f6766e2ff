import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PinEnd, type PinFact } from '../model/facts.js'
import type { Evidence, Finding } from '../model/finding.js'
import { Foll, Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from './columns.js'
import { Recording } from './recording.js'
import { SYNTHETIC_AGENT } from './synthetic.js'
import { RecordingWriter } from './writer.js'

let folder: string
let files = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Records what `tell` says and returns what `ask` then reads. */
async function recorded<T>(
  tell: (writer: RecordingWriter) => Promise<void> | void,
  ask: (ask: Ask) => T,
): Promise<T> {
  const path = join(folder, `${++files}.db`)
  const writer = await open(path)
  writer.run(1, SYNTHETIC_AGENT, 1)
  await tell(writer)
  await writer.close()
  return asked(path, ask)
}

type Ask = (sql: string) => unknown[]

function asked<T>(path: string, ask: (ask: Ask) => T): T {
  const recording = Recording.open(path)
  try {
    return ask((sql) => recording.db.prepare(sql).all())
  } finally {
    recording.close()
  }
}

function open(path: string): Promise<RecordingWriter> {
  const nothing = () => undefined
  const failed = (error: Error) => {
    throw error
  }
  return RecordingWriter.open(path, { durable: nothing, paused: nothing, resumed: nothing, failed })
}

const PIN: PinFact = {
  pin: 1,
  mm: 1,
  vpn: 0x7f0000010,
  pages: 16,
  pfn: 5001,
  foll: Foll.Pin | Foll.Write | Foll.Longterm,
  tgid: 10,
  tid: 11,
  stack: 3,
  call: 77,
  fromNs: 1e9,
  seq: 4,
}

const EVIDENCE: Evidence = {
  run: 1,
  seq: 9,
  timeNs: 2e9,
  kind: Kind.WpFault,
  outcome: Outcome.Copy,
  tgid: 10,
  tid: 10,
  mm: 1,
  vpn: 0x7f0000010,
  oldPfn: 5001,
  newPfn: 5002,
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
    tgid: 10,
    mm: 1,
    vpn: 0x7f0000010,
    takenNs: 1e9,
  },
  words: 'the slot maps another frame than the one that is pinned',
}

const FINDING: Finding = {
  finding: 1,
  rule: 'R05',
  verdict: 'violation',
  count: 1,
  firstNs: 2e9,
  lastNs: 2e9,
  mm: 1,
  tgid: 10,
  size: '4k',
  cause: 'fork',
  causeTgid: 20,
  first: EVIDENCE,
  last: EVIDENCE,
}

test('a pin is stored alike whether it ends in its own chunk or in a later one, and a live one has no end', async () => {
  const pins = await recorded(
    async (writer) => {
      writer.pinTaken(PIN)
      writer.pinEnded(1, 3e9, 8, PinEnd.Unpinned)
      writer.pinTaken({ ...PIN, pin: 2 })
      await writer.flush()
      writer.pinEnded(2, 3e9, 8, PinEnd.FrameFreed)
      writer.pinTaken({ ...PIN, pin: 3 })
    },
    (ask) =>
      ask('SELECT pin, pages, foll, tid, stack, call, from_seq, until_ns, until_seq, ended_by FROM pin'),
  )
  const told = { pages: 16, foll: 13, tid: 11, stack: 3, call: 77, from_seq: 4 }
  expect(pins).toEqual([
    { pin: 1, ...told, until_ns: 3e9, until_seq: 8, ended_by: PinEnd.Unpinned },
    { pin: 2, ...told, until_ns: 3e9, until_seq: 8, ended_by: PinEnd.FrameFreed },
    { pin: 3, ...told, until_ns: null, until_seq: null, ended_by: null },
  ])
})

test('v_pin tells a pin in words, with who took it by the stack of its run', async () => {
  const [pin] = await recorded(
    (writer) => {
      writer.mm({ mm: 1, run: 1, agentMm: 9, parentMm: 0, bornNs: 0, bornBy: 'seen' })
      writer.stacks(1, [{ stack: 3, taker: 'vfio_pin_pages_remote', frames: ['a+0x1', 'b+0x2'] }])
      writer.stacks(1, [{ stack: 3, taker: 'told again after a reconnect', frames: [] }])
      writer.pinTaken(PIN)
    },
    (ask) => ask('SELECT kind, write, longterm, foll, taker, address, ended_by FROM v_pin'),
  )
  expect(pin).toEqual({
    kind: 'pin',
    write: 1,
    longterm: 1,
    foll: 'write pin longterm',
    taker: 'vfio_pin_pages_remote',
    address: '0x7f0000010000',
    ended_by: null,
  })
})

test('of a finding that grows the last word stays, with its first and last evidence', async () => {
  const later = { ...EVIDENCE, seq: 12, timeNs: 5e9, reference: undefined }
  const rows = await recorded(
    async (writer) => {
      writer.finding(FINDING)
      writer.finding({ ...FINDING, count: 2, lastNs: 4e9 })
      await writer.flush()
      writer.finding({ ...FINDING, count: 3, lastNs: 5e9, last: later })
    },
    (ask) => ({
      findings: ask('SELECT rule, verdict, count, first_ns, last_ns FROM finding'),
      evidence: ask('SELECT which, seq, pin, reference_kind, reference_write FROM evidence ORDER BY which'),
      words: ask('SELECT verdict, pfn FROM v_finding'),
    }),
  )
  expect(rows).toEqual({
    findings: [{ rule: 'R05', verdict: 5, count: 3, first_ns: 2e9, last_ns: 5e9 }],
    evidence: [
      { which: 'first', seq: 9, pin: 1, reference_kind: 'pin', reference_write: 1 },
      { which: 'last', seq: 12, pin: null, reference_kind: null, reference_write: null },
    ],
    words: [{ verdict: 'violation', pfn: 5001 }],
  })
})

test('findings that are concluded anew replace all that were there, in one step', async () => {
  const rows = await recorded(
    async (writer) => {
      writer.finding(FINDING)
      writer.finding({ ...FINDING, finding: 2, rule: 'R06' })
      writer.ruleCounts(1, [{ rule: 'R06', size: 'thp', checked: 9, held: 8, broken: 1, unknown: 0 }])
      await writer.flush()
      writer.findingsAnew()
      writer.finding({ ...FINDING, rule: 'R07' })
      writer.ruleCounts(1, [{ rule: 'R07', size: '4k', checked: 2, held: 1, broken: 1, unknown: 0 }])
    },
    (ask) => ({
      findings: ask('SELECT finding, rule FROM finding'),
      evidence: ask('SELECT DISTINCT finding FROM evidence'),
      counts: ask('SELECT run, rule, checked FROM rule_count'),
    }),
  )
  expect(rows).toEqual({
    findings: [{ finding: 1, rule: 'R07' }],
    evidence: [{ finding: 1 }],
    counts: [{ run: 1, rule: 'R07', checked: 2 }],
  })
})

test('anomalies add up over chunks and recorders, and keep their first evidence', async () => {
  const path = join(folder, 'anomalies.db')
  const first = await open(path)
  first.run(1, SYNTHETIC_AGENT, 1)
  first.events(1, 1, 0, allocateColumns(0))
  first.anomaly('late-event', 10, 1)
  first.anomaly('late-event', 20, 2)
  await first.flush()
  first.anomaly('late-event', 30, 3)
  first.anomaly('unknown-kind', 40, 4)
  await first.close()
  const second = await open(path)
  second.anomaly('late-event', 50, 5)
  await second.close()
  expect(asked(path, (ask) => ask('SELECT * FROM anomaly ORDER BY name'))).toEqual([
    { run: 1, name: 'late-event', count: 4, first_ns: 10, first_seq: 1 },
    { run: 1, name: 'unknown-kind', count: 1, first_ns: 40, first_seq: 4 },
  ])
})

test('a recording that goes on knows its last pin', async () => {
  const path = join(folder, 'goes-on.db')
  const first = await open(path)
  first.run(1, SYNTHETIC_AGENT, 1)
  first.pinTaken({ ...PIN, pin: 41 })
  await first.close()
  const second = await open(path)
  expect(second.state.lastPin).toBe(41)
  await second.close()
})

test('a gap says where in the stream it was told', async () => {
  const gaps = await recorded(
    (writer) => {
      writer.events(1, 1, 250, allocateColumns(0))
      writer.gap({
        run: 1,
        reason: 'ring',
        leg: 'gup',
        count: 7,
        firstSeq: 0,
        lastSeq: 0,
        fromNs: 5,
        untilNs: 6,
      })
    },
    (ask) => ask('SELECT events, after_seq FROM gap'),
  )
  expect(gaps).toEqual([{ events: 7, after_seq: 250 }])
})
