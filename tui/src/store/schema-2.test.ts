import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrations } from './files.js'
import { Recording } from './recording.js'

let folder: string
let path: string

/** A sealed recording of schema 2: a fork, and a copy by the parent while the child lived. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'old.db')
  const db = new Database(path)
  for (const sql of migrations().slice(0, 2)) db.exec(sql)
  db.exec(`
    INSERT INTO recording VALUES (1, 0, 1);
    INSERT INTO host VALUES (1, 'h', '6.1.0', '#1', 'boot', 2, 4096);
    INSERT INTO run VALUES (1, 1, 'run-1', '0.1.0', 0, 1);
    INSERT INTO mm VALUES (1, 1, 1, NULL, 1, 'seen', NULL, NULL), (2, 1, 2, 1, 5, 'fork', 9, 3);
    INSERT INTO process VALUES (1, 100, 1, 1, 'parent', 1, 1), (2, 101, 100, 2, 'child', 5, 5);
    INSERT INTO fork VALUES (1, 1, 2, 100, 101, 5, 1);
    INSERT INTO frame VALUES (1, 50, 0, 1, 1, 1, NULL, NULL), (2, 51, 0, 1, 7, 2, NULL, NULL);
    INSERT INTO slot VALUES (1, 1, 16, 1, 1, 0, 1, 1, 7, 1, 2), (2, 1, 16, 2, 7, 1, 2, 1, NULL, NULL, NULL);
    INSERT INTO edge VALUES (1, 1, 1, 2, 1, 16, 7, 2);
    INSERT INTO pin VALUES (1, 1, 16, 1, 51, 5, 100, 100, 0, 1, 8, 3, 9, 4, 1);`)
  db.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('a sealed recording of schema 2 has no answers, is asked its rows, and stays as it is', () => {
  const before = readFileSync(path)
  const recording = Recording.open(path)
  expect(recording.remarks.join()).toContain('an older cowpath wrote it (schema 2)')
  expect(recording.ask('forks', { limit: 5 })).toMatchObject([
    { fork: 1, comm: 'parent', parent_copies: 1, child_copies: 0, early: 0, bytes: 4096 },
  ])
  expect(recording.ask('top-pages', { limit: 5 })).toMatchObject([{ comm: 'parent', vpn: 16, copies: 1 }])
  expect(recording.ask('pins-by-taker', { limit: 5 })).toMatchObject([{ kind: 'pin', pins: 1, median_ns: 1 }])
  expect(recording.ask('totals', {})).toMatchObject([{ pages: 1, copies: 1 }])
  // Intervals and edges of old are what the views of today tell.
  const intervals = [
    { slot: 1, frame: 1, from_ns: 1, until_ns: 7, until_cause: 1 },
    { slot: 2, frame: 2, from_ns: 7, until_ns: null, until_cause: null },
  ]
  expect(recording.select('SELECT * FROM slot ORDER BY slot')).toMatchObject(intervals)
  expect(recording.ask('page-by-address', { tgid: 100, vpn: 16 })).toMatchObject(intervals)
  expect(recording.ask('family', { frames: '[2]', limit: 9 })).toMatchObject([
    { frame: 1, parent: null, children: 1 },
    { frame: 2, parent: 1, kind: 1, at_ns: 7, children: 0 },
  ])
  recording.close()
  expect(readFileSync(path).equals(before)).toBe(true)
})
