import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CowpathError } from '../model/failure.js'
import { migrations } from './files.js'
import { Recording } from './recording.js'
import { RecordingWriter } from './writer.js'

let folder: string
let path: string

/** A recording as the first version of cowpath left it. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'old.db')
  const db = new Database(path)
  db.exec(migrations()[0])
  db.exec(`
    INSERT INTO recording VALUES (1, 0, 1);
    INSERT INTO host VALUES (1, 'h', '6.1.0', '#1', 'boot', 2, 4096);
    INSERT INTO run VALUES (1, 1, 'run-1', '0.1.0', 0, 1);
    INSERT INTO gap (run, reason, leg, events, first_seq, last_seq, from_ns, until_ns)
      VALUES (1, 'ring', '', 3, 0, 0, 5, 6);`)
  db.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('a recording of schema 1 is read from a copy with the tables of today, and stays as it is', () => {
  const before = readFileSync(path)
  const recording = Recording.open(path)
  expect(recording.remarks.join()).toContain('an older cowpath wrote it (schema 1)')
  expect(recording.db.prepare('SELECT events, after_seq FROM gap').all()).toEqual([
    { events: 3, after_seq: null },
  ])
  expect(recording.db.prepare('SELECT count(*) AS n FROM finding').all()).toEqual([{ n: 0 }])
  expect(recording.db.prepare("SELECT name FROM word WHERE topic = 'cause' AND number = 16").all()).toEqual([
    { name: 'remap' },
  ])
  recording.close()
  expect(readFileSync(path).equals(before)).toBe(true)
})

test('a recorder does not go on with a recording of schema 1, and leaves it as it is', async () => {
  const before = readFileSync(path)
  const nothing = () => undefined
  const opening = RecordingWriter.open(path, {
    durable: nothing,
    paused: nothing,
    resumed: nothing,
    failed: nothing,
  })
  await expect(opening).rejects.toThrow(CowpathError)
  await expect(opening).rejects.toThrow('an older cowpath wrote it (schema 1)')
  expect(readFileSync(path).equals(before)).toBe(true)
})
