import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { migrations } from './files.js'
import { Recording } from './recording.js'

test('events of a recording of schema 7, one deflated stream a block, are read, and it stays as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'old.db')
  const db = new Database(path)
  for (const sql of migrations().slice(0, 7)) db.exec(sql)
  db.pragma('foreign_keys = OFF') // of no run
  // Two columns by differences (3): `seq` (0) 5 and 6, `mm` (8) 4 and 5; zigzag doubles them.
  const data = deflateRawSync(Buffer.from([2, 0, 3, 2, 0, 0, 0, 8, 3, 2, 0, 0, 0, 10, 2, 8, 2]))
  db.exec('INSERT INTO recording (recording, created_wall_ms, sealed, answered) VALUES (1, 0, 1, 1)')
  db.prepare(
    `INSERT INTO event_block (run, first_seq, last_seq, from_ns, until_ns, events, codec, data)
     VALUES (1, 5, 6, 0, 0, 2, 1, ?)`,
  ).run(data)
  db.close()
  const before = readFileSync(path)
  const recording = Recording.open(path)
  try {
    const [{ events }] = [...recording.events()]
    expect([...events.seq]).toEqual([5, 6])
    expect([...events.mm]).toEqual([4, 5])
    expect([...(recording.eventsAround(1, 6, ['mm'])?.events.mm ?? [])]).toEqual([4, 5])
  } finally {
    recording.close()
  }
  expect(readFileSync(path).equals(before)).toBe(true)
  rmSync(folder, { recursive: true })
})
