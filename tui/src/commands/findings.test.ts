import Database from 'better-sqlite3'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cowpath } from './testing/cowpath.js'
import { HOSTILE, writePinnedRecording } from '../store/testing/pinned-recording.js'

let folder: string
let path: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'pinned.db')
  await writePinnedRecording(path)
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function found(...args: readonly string[]): { readonly status: number | null; readonly rows: object[] } {
  const { status, stdout } = cowpath('findings', path, '--json', ...args)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return { status, rows: lines.map((line) => JSON.parse(line) as object) }
}

test('a finding is one JSON object a line, with owner, cause and reference', () => {
  expect(found()).toEqual({
    status: 3,
    rows: [
      {
        finding: 1,
        rule: 'R05',
        verdict: 'hazard',
        count: 2,
        first_ns: 4e9,
        last_ns: 5e9,
        pid: 10,
        ppid: 7,
        comm: 'driver',
        mm: 1,
        address: '0x7f0000010000',
        pfn: 5001,
        size: '4k',
        cause: 'fork',
        cause_pid: 20,
        cause_comm: HOSTILE,
        reference: {
          kind: 'pin',
          write: true,
          longterm: true,
          taker: 'vfio_pin_pages_remote',
          code: null,
          pid: 10,
          comm: 'driver',
          taken_ns: 2e9,
          pin: 1,
        },
        evidence: { run: 1, first_seq: 3, last_seq: 4, refcount: 1026, mapcount: 2, pincount: 1 },
        words: 'the page was copied away from the frame that is pinned',
      },
    ],
  })
})

test('what is no danger is told with --all, the most alarming first', () => {
  expect(found('--all').rows).toMatchObject([
    { verdict: 'hazard' },
    { rule: 'A04', verdict: 'measured', pid: 20, ppid: 10, cause_pid: null },
    { rule: 'R03' },
  ])
})

test.each([
  [['--rule', 'R03'], [], 0],
  [['--rule', 'R03', '--all'], ['R03'], 0],
  [['--verdict', 'measured'], ['A04', 'R03'], 0],
  [['--verdict', 'hazard'], ['R05'], 3],
  [['--pid', '20', '--all'], ['A04'], 0],
  [['--since', '5'], ['R05'], 3],
  [['--since', '5.000000001'], [], 0],
  [['--until', '3.9'], [], 0],
])('%j chooses %j, and the exit status follows what is told', (args, rules, status) => {
  const { rows, status: ended } = found(...args)
  expect(rows.map((row) => (row as { rule: string }).rule)).toEqual(rules)
  expect(ended).toBe(status)
})

test('people get a table with a sentence below each finding', () => {
  const { stdout, status } = cowpath('findings', path)
  expect(status).toBe(3)
  expect(stdout).toMatch(/^RULE VERDICT +COUNT/)
  expect(stdout).toMatch(
    /^R05 {2}hazard +2 +10 driver +fork by pid 20 +4k +pin write longterm by vfio_pin_pages/m,
  )
  expect(stdout).toMatch(/^ {5}the page was copied away from the frame that is pinned$/m)
  expect(cowpath('findings', path, '--rule', 'R17').stdout).toBe('Nothing of that kind was found.\n')
})

test('a rule or verdict that there is not is refused with what there is', () => {
  for (const args of [
    ['--rule', 'R99'],
    ['--verdict', 'bad'],
    ['--verdict', 'hazard', '--all'],
  ]) {
    const { status, stderr } = cowpath('findings', path, ...args)
    expect(status).toBe(2)
    expect(stderr).toMatch(/^cowpath: .+\n$/)
  }
})

test('a hostile database is told as text, or refused in one line', () => {
  const hostile = join(folder, 'hostile.db')
  copyFileSync(path, hostile)
  const db = new Database(hostile)
  db.exec(`
    PRAGMA foreign_keys = OFF;
    UPDATE finding SET rule = '\u001b[2Jx', size = '\u001b[2Jx', cause = '\u001b[2Jx', verdict = 99, tgid = -5,
      first_ns = -1, count = 9223372036854775807 WHERE finding = 1;
    UPDATE evidence SET vpn = -7, old_pfn = 9223372036854775807, words = '\u001b[2Jx' || char(10) || 'y',
      reference_kind = '\u001b[2Jx';
    DELETE FROM evidence WHERE finding = 3;`)
  db.close()
  const plain = cowpath('findings', hostile, '--all')
  expect(plain.stderr).toBe('')
  expect(plain.stdout).not.toMatch(/[\u001b\u202e]/)
  expect(plain.stdout.split('\n')).toHaveLength(7)
  const json = cowpath('findings', hostile, '--all', '--json')
  expect(json.stderr).toBe('')
  expect(json.stdout.split('\n').filter((line) => line !== '')).toHaveLength(3)
  const db2 = new Database(hostile)
  db2.exec('DROP TABLE evidence')
  db2.close()
  const refused = cowpath('findings', hostile)
  expect(refused.status).toBe(1)
  expect(refused.stderr).toMatch(/^cowpath: .+\n$/)
})
