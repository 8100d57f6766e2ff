import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { migrations } from './files.js'
import { Recording } from './recording.js'

test('a sealed recording of schema 5 has no sums of heat, is asked its rows, tells frees by its frames, and stays as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'old.db')
  const db = new Database(path)
  for (const sql of migrations().slice(0, 5)) db.exec(sql)
  db.exec(`
    INSERT INTO recording (recording, created_wall_ms, sealed, answered) VALUES (1, 0, 1, 1);
    INSERT INTO frame (frame, pfn, folio_order, kind, seen_ns, seen_seq, freed_ns, freed_seq, slot, mm, vpn, cause, origin) VALUES
      (1, 50, 0, 1, 1000000000, 1, 9000000000, 4, 1, 1, 16, 0, NULL),
      (2, 51, 0, 1, 7000000000, 2, NULL, NULL, 2, 1, 16, 1, 1),
      (3, 52, 0, 1, 8000000000, 3, NULL, NULL, 3, 1, 17, 1, 1);`)
  db.close()
  const before = readFileSync(path)
  const recording = Recording.open(path)
  try {
    const region = { mm: 1, first_vpn: 16, last_vpn: 17, copies: 2, regions: 1 }
    expect(recording.ask('heat', { bin_ns: 1e9, limit: 5 })).toMatchObject([
      { ...region, bin: 7, copies_then: 1 },
      { ...region, bin: 8, copies_then: 1 },
    ])
    expect(recording.select('SELECT frame, kind, freed_ns FROM v_frame')).toEqual([
      { frame: 1, kind: 'anon', freed_ns: 9e9 },
      { frame: 2, kind: 'anon', freed_ns: null },
      { frame: 3, kind: 'anon', freed_ns: null },
    ])
    expect(recording.ask('page-by-pfn', { pfn: 50, at_ns: 10e9 })).toEqual([])
    expect(recording.ask('page-by-pfn', { pfn: 50, at_ns: 8e9 })).toMatchObject([{ frame: 1 }])
  } finally {
    recording.close()
  }
  expect(readFileSync(path).equals(before)).toBe(true)
  rmSync(folder, { recursive: true })
})
