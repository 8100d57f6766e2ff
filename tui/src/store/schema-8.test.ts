import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { migrations } from './files.js'
import { Recording } from './recording.js'

test('a recording of schema 8 has its counts, in no vma and by no code, and stays as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'old.db')
  const db = new Database(path)
  for (const sql of migrations().slice(0, 8)) db.exec(sql)
  db.exec(`
    INSERT INTO recording (recording, created_wall_ms, sealed, answered) VALUES (1, 0, 1, 1);
    INSERT INTO process (process, tgid, parent_tgid, mm, comm, start_time_ns, seen_ns) VALUES (1, 70, 1, 2, 'child', 0, 0);
    INSERT INTO rate VALUES (1000000000, 70, 2, 1, 2, 5, 5);`)
  db.close()
  const before = readFileSync(path)
  const recording = Recording.open(path)
  const all = { by: 'copies', limit: 9, since_ns: null, until_ns: null }
  const counted = { copies: 5, bytes: 5 * 4096, faults: 5, reuses: 0 }
  try {
    expect(recording.ask('top-processes', all)).toMatchObject([{ tgid: 70, ...counted }])
    expect(recording.ask('top-vmas', all)).toMatchObject([{ mm: 2, vpn: null, rights: null, ...counted }])
    expect(recording.ask('top-sites', all)).toMatchObject([{ code: null, processes: 1, ...counted }])
  } finally {
    recording.close()
  }
  expect(readFileSync(path).equals(before)).toBe(true)
  rmSync(folder, { recursive: true })
})
