import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EXPORTS } from '../report/exported.js'
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

function rowsOf(text: string): Record<string, unknown>[] {
  const lines = text.split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('events are one object a line, kinds in words and addresses hex', () => {
  const { status, stdout } = cowpath('export', path)
  expect(status).toBe(0)
  const rows = rowsOf(stdout)
  expect(rows.map(({ seq, kind, outcome }) => [seq, kind, outcome])).toEqual([
    [1, 'gup', 'none'],
    [2, 'fork', 'none'],
    [3, 'wp-fault', 'copy'],
    [4, 'pmd-split', 'none'],
    [5, 'folio-split', 'failed'],
    [6, 'folio-split', 'none'],
  ])
  expect(rows[2]).toMatchObject({ run: 1, time_ns: 4e9, tgid: 10, address: '0x0' })
})

test('facts are chosen by --what; a name that means harm comes whole and harmless', () => {
  const { stdout } = cowpath('export', path, '--what', 'pins')
  const rows = rowsOf(stdout)
  expect(rows).toHaveLength(5)
  expect(rows[0]).toMatchObject({
    pin: 1,
    comm: 'driver',
    address: '0x7f0000010000',
    kind: 'pin',
    longterm: 1,
  })
  expect(rows[1]).toMatchObject({ taker: HOSTILE, ended_by: 'unpinned' })
  expect(stdout).not.toMatch(/[\u001b\u202e]/)
})

test('all that may be exported can be, and a file holds what stdout would', () => {
  const lengths = EXPORTS.map((what) => {
    const output = join(folder, `${what}.jsonl`)
    expect(cowpath('export', path, '--what', what, '-o', output).status).toBe(0)
    const text = readFileSync(output, 'utf8')
    expect(text).toBe(cowpath('export', path, '--what', what).stdout)
    return text === '' ? 0 : rowsOf(text).length
  })
  expect(lengths).toEqual([6, 5, 3, 2, 1, 0])
})

test('a trace is one stream of all facts: what cannot be chosen is refused with words', () => {
  expect(cowpath('export', path, '--format', 'perfetto').stdout.length).toBeGreaterThan(500)
  const refused = cowpath('export', path, '--format', 'perfetto', '--what', 'pins')
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain('a trace holds all facts')
})
