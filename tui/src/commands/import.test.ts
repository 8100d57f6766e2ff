import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordedLines } from '../import/testing/recorded.js'
import { cowpath, cowpathJson } from './testing/cowpath.js'

let folder = ''
let db = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-import-'))
  db = join(folder, 'run.db')
  writeFileSync(join(folder, 'run.json'), recordedLines('6.12').join('\n') + '\n')
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Imported {
  readonly read: Readonly<Record<string, number>>
  readonly recorded: Readonly<Record<string, number>>
}

function rows(sql: string): unknown[] {
  const { stdout } = cowpath('sql', db, sql, '--json')
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown)
}

test('what the script printed becomes a recording that answers as any other', () => {
  const { read, recorded } = cowpathJson('import', join(folder, 'run.json'), '-o', db) as Imported // our own words
  expect(read).toMatchObject({ garbled_lines: 0, missing_lines: 0, said_lost: 0 })
  expect(recorded).toMatchObject({ findings: 0, lost: 0 })
  expect(
    rows("SELECT taker, sum(pages) AS pages, ended_by FROM v_pin WHERE kind = 'pin' GROUP BY taker"),
  ).toEqual([
    { taker: 'io_sqe_buffers_register', pages: 3, ended_by: 'unpinned' },
    { taker: 'process_vm_rw', pages: 3, ended_by: 'unpinned' },
  ])
})

test('a rule that needs a leg which the script has not answers unknown', () => {
  expect(
    rows("SELECT count(*) AS legs FROM leg WHERE NOT attached AND name IN ('swap', 'ksm', 'uffd')"),
  ).toEqual([{ legs: 3 }])
  expect(
    rows("SELECT held, broken, unknown > 0 AS unknown FROM rule_count WHERE rule = 'R07' AND size = '4k'"),
  ).toEqual([{ held: 0, broken: 0, unknown: 1 }])
})

test('a file of something else is refused in one line and leaves nothing behind', () => {
  const other = join(folder, 'other')
  writeFileSync(other, '{"type": "printf", "data": "hello"}\n\u001b[31m\n')
  const { status, stderr } = cowpath('import', other, '-o', join(folder, 'none.db'))
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /^cowpath: cannot import .*: none of its 2 lines is the first one of cowpath.bt\. .*\n$/,
  )
  expect(cowpath('findings', join(folder, 'none.db')).status).toBe(1)
})

test('a recording that is there already is never imported into', () => {
  const { status, stderr } = cowpath('import', join(folder, 'run.json'), '-o', db)
  expect([status, stderr]).toEqual([1, expect.stringContaining('it is there already')])
})
