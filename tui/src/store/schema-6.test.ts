import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { migrations } from './files.js'
import { Recording } from './recording.js'

test('a recording of schema 6 tells what was met by a copy in a row of its own, is told the same by slots and queries, and stays as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'old.db')
  const db = new Database(path)
  for (const sql of migrations().slice(0, 6)) db.exec(sql)
  db.exec(`
    INSERT INTO recording (recording, created_wall_ms, sealed, answered) VALUES (1, 0, 1, 1);
    INSERT INTO process (process, tgid, parent_tgid, mm, comm, start_time_ns, seen_ns) VALUES (1, 70, 1, 2, 'child', 0, 0);
    INSERT INTO frame (frame, pfn, folio_order, kind, seen_ns, seen_seq, slot, mm, vpn, cause, origin) VALUES
      (1, 50, 0, 1, 1000, 1, 1, 1, 16, 0, NULL),
      (2, 51, 0, 1, 7000, 2, 3, 2, 16, 1, 1);
    INSERT INTO mapping (slot, mm, vpn, frame, from_ns, from_cause, from_seq, certain) VALUES (2, 2, 16, 1, 7000, 0, 2, 1);`)
  db.close()
  const before = readFileSync(path)
  const recording = Recording.open(path)
  try {
    const met = {
      slot: 2,
      mm: 2,
      vpn: 16,
      frame: 1,
      from_ns: 7000,
      from_cause: 0,
      until_ns: 7000,
      until_cause: 1,
    }
    const copied = { slot: 3, mm: 2, vpn: 16, frame: 2, from_ns: 7000, from_cause: 1, until_ns: null }
    expect(recording.select('SELECT * FROM slot WHERE mm = 2 ORDER BY slot')).toMatchObject([met, copied])
    expect(recording.ask('page-by-address', { tgid: 70, vpn: 16 })).toMatchObject([met, copied])
    expect(recording.ask('page-by-pfn', { pfn: 50, at_ns: null })).toMatchObject([{ slot: 1, frame: 1 }, met])
  } finally {
    recording.close()
  }
  expect(readFileSync(path).equals(before)).toBe(true)
  rmSync(folder, { recursive: true })
})
