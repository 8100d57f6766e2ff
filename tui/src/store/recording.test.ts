import Database from 'better-sqlite3'
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventColumns } from '../model/events.js'
import { CowpathError } from '../model/failure.js'
import { Recording } from './recording.js'
import { SYNTHETIC_AGENT, SyntheticTrace } from './synthetic.js'
import { RecordingWriter, type WriterListener } from './writer.js'

let folder: string
let good: string
let written: EventColumns[]

const QUIET: WriterListener = {
  durable: () => undefined,
  paused: () => undefined,
  resumed: () => undefined,
  failed: (error) => {
    throw error
  },
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  good = join(folder, 'good.db')
  const writer = await RecordingWriter.open(good, QUIET)
  const trace = new SyntheticTrace(7)
  writer.run(1, SYNTHETIC_AGENT, 1)
  trace.begin(writer)
  written = []
  for (let i = 0; i < 6; i++) {
    const { firstSeq, lastSeq, events } = trace.next(writer, 997)
    writer.events(1, firstSeq, lastSeq, events)
    written.push(events)
  }
  await writer.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('events are read back as they were written, in order, whatever the batches were', () => {
  const recording = Recording.open(good)
  const read = [...recording.events()].flatMap(({ events }) => rowsOf(events))
  expect(read).toEqual(written.flatMap(rowsOf))
  recording.close()
})

test('the block around an event is found by its sequence number', () => {
  const recording = Recording.open(good)
  const around = recording.eventsAround(1, 4500)
  expect(around?.events.seq).toContain(4500)
  expect(recording.eventsAround(1, 999_999)).toBeUndefined()
  expect(recording.eventsAround(2, 1)).toBeUndefined()
  recording.close()
})

test('reading a recording changes no byte of it and leaves nothing beside it', () => {
  const before = hash(good)
  const files = readdirSync(folder)
  const recording = Recording.open(good)
  recording.ask('top-pages', { limit: 5 })
  expect(() => recording.db.exec('DELETE FROM slot')).toThrow()
  recording.close()
  expect(hash(good)).toBe(before)
  expect(readdirSync(folder)).toEqual(files)
})

test('what is not a recording is refused in words', () => {
  const refusals: readonly (readonly [string, (path: string) => void, string])[] = [
    ['missing', () => undefined, 'there is no such file'],
    [
      'folder',
      (path) => {
        mkdirSync(path)
      },
      'it is a folder',
    ],
    [
      'empty',
      (path) => {
        writeFileSync(path, '')
      },
      'nothing was recorded',
    ],
    [
      'text',
      (path) => {
        writeFileSync(path, 'hello, this is no database at all')
      },
      'it is not a database',
    ],
    [
      'foreign',
      (path) => {
        new Database(path).exec('CREATE TABLE t (a)').close()
      },
      'not a recording of cowpath',
    ],
    [
      'half made',
      (path) => {
        new Database(path).exec('PRAGMA application_id = 0x636f7770; CREATE TABLE slot (a)').close()
      },
      'already exists',
    ],
    [
      'newer',
      (path) => {
        writeFileSync(path, readFileSync(good))
        const db = new Database(path)
        db.pragma('user_version = 99')
        db.close()
      },
      'a newer cowpath wrote it (schema 99',
    ],
  ]
  for (const [name, make, words] of refusals) {
    const path = join(folder, name)
    make(path)
    expect(() => Recording.open(path), name).toThrow(CowpathError)
    expect(() => Recording.open(path), name).toThrow(words)
  }
})

test('a writer refuses what is not a recording, and leaves it as it is', async () => {
  for (const name of ['text', 'foreign', 'newer']) {
    const path = join(folder, name)
    const before = hash(path)
    await expect(RecordingWriter.open(path, QUIET), name).rejects.toThrow(CowpathError)
    expect(hash(path), name).toBe(before)
  }
})

test('a truncated recording is read as far as it goes, or refused in one line', () => {
  const bytes = readFileSync(good)
  const path = join(folder, 'cut.db')
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
      writeFileSync(path, bytes)
      truncateSync(path, length)
      readOrRefuse(path)
    }),
    { numRuns: 40 },
  )
})

test('a corrupted recording is read or refused in one line, never a crash or a write', () => {
  const bytes = readFileSync(good)
  const path = join(folder, 'corrupt.db')
  const change = fc.tuple(
    fc.oneof(fc.nat({ max: 16_384 }), fc.nat({ max: bytes.length - 1 })),
    fc.nat({ max: 255 }),
  )
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 40 }), (changes) => {
      const damaged = Buffer.from(bytes)
      for (const [at, value] of changes) damaged[at] = value
      writeFileSync(path, damaged)
      readOrRefuse(path)
      expect(readFileSync(path).equals(damaged)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

function readOrRefuse(path: string): void {
  try {
    const recording = Recording.open(path)
    try {
      recording.ask('top-processes', { by: 'copies', limit: 5 })
      recording.ask('page-by-address', { tgid: 1003, vpn: 0x7f0000010 })
      recording.ask('lineage', { frame: 17, limit: 1000 })
      recording.ask('pins', { which: 'leaked', gets: 1, at_ns: null, limit: 5 })
      recording.ask('forks', { limit: 5 })
      recording.ask('gaps', { limit: 5 })
      for (const block of recording.events()) expect(block.events.length).toBeGreaterThanOrEqual(0)
    } finally {
      recording.close()
    }
  } catch (error) {
    expect(error).toBeInstanceOf(CowpathError)
    expect(String(error)).not.toContain('\n')
  }
}

function rowsOf(events: EventColumns): object[] {
  return Array.from(events.seq, (seq, i) => ({
    seq,
    timeNs: events.timeNs[i],
    kind: events.kind[i],
    vpn: events.vpn[i],
    newPfn: events.newPfn[i],
    refcount: events.refcount[i],
  }))
}

function hash(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
