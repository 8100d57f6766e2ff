import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind, NO_FACTS, type FactSink } from '../model/facts.js'
import { Recording } from './recording.js'
import { SYNTHETIC_AGENT, SyntheticTrace } from './synthetic.js'
import { RecordingWriter, type WriterListener } from './writer.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function listener(durable: WriterListener['durable'] = () => undefined): WriterListener {
  return {
    durable,
    paused: () => undefined,
    resumed: () => undefined,
    failed: (error) => {
      throw error
    },
  }
}

function count(recording: Recording, sql: string): number {
  return recording.db.prepare<[], number>(sql).pluck().get() ?? NaN
}

test('what began and ended is stored alike, in one chunk or in two', async () => {
  const path = join(folder, 'ends.db')
  const writer = await RecordingWriter.open(path, listener())
  writer.run(1, SYNTHETIC_AGENT, 1)
  for (const [frame, between] of [
    [1, () => Promise.resolve()],
    [2, () => writer.flush()],
  ] as const) {
    writer.frameSeen(frame, 100, 0, FrameKind.Anon, 10, 1)
    writer.slotMapped(frame, 1, 5, frame, 10, Cause.Copy, 1, true)
    writer.edge(frame, EdgeKind.Copy, frame, frame, 1, 5, 10, 1)
    await between()
    writer.slotEnded(frame, 20, Cause.Unmap, 2, 1, 5)
    writer.frameFreed(frame, 30, 3)
  }
  expect(await writer.close()).toBeUndefined()
  const recording = Recording.open(path)
  const slots = recording.db.prepare<[], object>('SELECT * FROM slot').all()
  expect(slots).toEqual(
    [1, 2].map((slot) => ({
      slot,
      mm: 1,
      vpn: 5,
      frame: slot,
      from_ns: 10,
      from_cause: Cause.Copy,
      from_seq: 1,
      certain: 1,
      until_ns: 20,
      until_cause: Cause.Unmap,
      until_seq: 2,
    })),
  )
  expect(recording.db.prepare('SELECT freed_ns, freed_seq FROM v_frame').raw().all()).toEqual([
    [30, 3],
    [30, 3],
  ])
  expect(recording.remarks).toEqual([])
  recording.close()
})

test('a recording that goes on knows where it ended, and is indexed again at the end', async () => {
  const path = join(folder, 'resumed.db')
  const trace = new SyntheticTrace(11)
  const first = await RecordingWriter.open(path, listener())
  expect(first.state).toEqual({
    lastFrame: 0,
    lastSlot: 0,
    lastEdge: 0,
    lastPin: 0,
    lastMm: 0,
    lastVma: 0,
    lastFinding: 0,
    forks: 0,
    ratedEvents: 0,
    runs: [],
    isTrimmed: false,
    telling: 'short',
  })
  first.run(1, SYNTHETIC_AGENT, 1)
  trace.begin(first)
  const batch = trace.next(first, 500)
  first.events(1, batch.firstSeq, batch.lastSeq, batch.events)
  await first.close()

  const second = await RecordingWriter.open(path, listener())
  expect(second.state.runs).toEqual([{ run: 1, bootId: SYNTHETIC_AGENT.bootId, lastSeq: 500 }])
  expect(second.state.lastMm).toBe(50)
  const open = Recording.open(path)
  expect(open.remarks.join()).toContain('was not closed')
  open.close()
  const more = trace.next(second, 500)
  second.events(1, more.firstSeq, more.lastSeq, more.events)
  await second.close()

  const recording = Recording.open(path)
  expect([...recording.events()].flatMap(({ events }) => [...events.seq])).toEqual(
    Array.from({ length: 1000 }, (_, i) => i + 1),
  )
  expect(count(recording, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'ix%'")).toBeGreaterThan(5)
  recording.close()
})

test('a recording can be read while it is written', async () => {
  const path = join(folder, 'live.db')
  const writer = await RecordingWriter.open(path, listener())
  const trace = new SyntheticTrace(5)
  writer.run(1, SYNTHETIC_AGENT, 1)
  trace.begin(writer)
  const reader = Recording.open(path)
  for (let i = 1; i <= 3; i++) {
    const { firstSeq, lastSeq, events } = trace.next(writer, 300)
    writer.events(1, firstSeq, lastSeq, events)
    await writer.flush()
    expect(count(reader, 'SELECT max(last_seq) FROM event_block')).toBe(300 * i)
  }
  await writer.close()
  reader.close()
})

test('a second recorder of one file is refused, and may have it when the first is done', async () => {
  const path = join(folder, 'two.db')
  const first = await RecordingWriter.open(path, listener())
  await expect(RecordingWriter.open(path, listener())).rejects.toThrow('another recorder is writing it')
  await first.close()
  const second = await RecordingWriter.open(path, listener())
  await second.close()
})

test('SQL and terminal escapes in names are only names', async () => {
  const path = join(folder, 'names.db')
  const comm = `'); DROP TABLE slot; --\u001b[2J`
  const writer = await RecordingWriter.open(path, listener())
  writer.run(1, { ...SYNTHETIC_AGENT, hostname: comm }, 1)
  writer.process({ tgid: 1, parentTgid: 0, mm: 1, comm, startTimeNs: 0, seenNs: 1 })
  await writer.close()
  const recording = Recording.open(path)
  expect(recording.db.prepare('SELECT comm FROM process').pluck().all()).toEqual([comm])
  expect(count(recording, 'SELECT count(*) FROM slot')).toBe(0)
  recording.close()
})

/** A recorder as a process of its own: prints what it may acknowledge, until it is killed. */
const RECORDER = `
const store = new URL(process.argv[2])
const { RecordingWriter } = await import(new URL('writer.js', store))
const { SYNTHETIC_AGENT, SyntheticTrace } = await import(new URL('synthetic.js', store))
const { writeSync } = await import('node:fs')
const writer = await RecordingWriter.open(process.argv[3], {
  durable(run, seq) { writeSync(1, seq + '\\n') },
  paused() {}, resumed() {}, failed(error) { throw error },
})
const trace = new SyntheticTrace(2)
writer.run(1, SYNTHETIC_AGENT, 1)
trace.begin(writer)
for (;;) {
  const { firstSeq, lastSeq, events } = trace.next(writer, 1000)
  writer.events(1, firstSeq, lastSeq, events)
  await writer.ready()
  await new Promise((resolve) => setImmediate(resolve))
}`
const BUILT_STORE = new URL('../../dist/store/', import.meta.url).href

test('kill -9 at any moment loses nothing that was acknowledged', async () => {
  const script = join(folder, 'recorder.mjs')
  writeFileSync(script, RECORDER)
  for (const [attempt, delayMs] of [0, 37, 181, 410].entries()) {
    const path = join(folder, `killed-${attempt}.db`)
    const child = spawn(process.execPath, [script, BUILT_STORE, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (data: Buffer) => {
      if (said === '') setTimeout(() => child.kill('SIGKILL'), delayMs)
      said += data.toString()
    })
    await new Promise((resolve) => child.on('close', resolve))
    const acknowledged = Number(said.trim().split('\n').at(-1))
    expect(acknowledged).toBeGreaterThan(0)

    const before = [path, `${path}-wal`].map(hash)
    const recording = Recording.open(path)
    expect(recording.db.pragma('integrity_check', { simple: true })).toBe('ok')
    const seqs = [...recording.events()].flatMap(({ events }) => [...events.seq])
    expect(seqs.length).toBeGreaterThanOrEqual(acknowledged)
    expect(seqs.every((seq, i) => seq === i + 1)).toBe(true)
    expectFactsOf(recording, seqs.length)
    recording.close()
    expect([path, `${path}-wal`].map(hash)).toEqual(before)
  }
}, 60_000)

function hash(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** The same facts, and no others, as those of a trace of so many events. */
function expectFactsOf(recording: Recording, events: number): void {
  const calls = { frame: 0, slot: 0, edge: 0 }
  const trace = new SyntheticTrace(2)
  const sink: FactSink = {
    ...NO_FACTS,
    frameSeen: () => calls.frame++,
    slotMapped: () => calls.slot++,
    edge: () => calls.edge++,
  }
  trace.begin(sink)
  trace.next(sink, events)
  for (const [table, rows] of Object.entries(calls))
    expect(count(recording, `SELECT count(*) FROM ${table}`), table).toBe(rows)
}

/** A file system of 3 MiB; null where this user may not mount one. */
function smallDisk(): string | null {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk], { stdio: 'ignore' })
    return disk
  } catch {
    return null
  }
}

test('a full disk pauses the recording, and room resumes it, with nothing lost', async (context) => {
  const disk = smallDisk()
  if (disk === null) {
    context.skip()
    return
  }
  try {
    const path = join(disk, 'full.db')
    const ballast = join(disk, 'ballast')
    writeFileSync(ballast, Buffer.alloc(1_500_000))
    const heard: string[] = []
    let durable = 0
    const writer = await RecordingWriter.open(path, {
      durable: (_, seq) => (durable = seq),
      paused: (why) => heard.push(`paused: ${why}`),
      resumed: () => heard.push('resumed'),
      failed: (error) => heard.push(error.message),
    })
    const trace = new SyntheticTrace(2)
    writer.run(1, SYNTHETIC_AGENT, 1)
    trace.begin(NO_FACTS)
    let last = 0
    while (heard.length === 0) {
      const { firstSeq, lastSeq, events } = trace.next(NO_FACTS, 1000)
      writer.events(1, firstSeq, lastSeq, events)
      last = lastSeq
      await Promise.race([writer.flush(), new Promise((resolve) => setTimeout(resolve, 300))])
    }
    expect(heard).toEqual(['paused: the disk is full'])
    expect(durable).toBeLessThan(last)
    rmSync(ballast)
    await writer.flush()
    expect(heard).toEqual(['paused: the disk is full', 'resumed'])
    expect(durable).toBe(last)
    await writer.close()
    const recording = Recording.open(path)
    expect([...recording.events()].flatMap(({ events }) => [...events.seq])).toHaveLength(last)
    recording.close()
  } finally {
    execFileSync('umount', [disk])
  }
})
