import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Kind, Outcome } from '../model/kinds.js'
import { allocateColumns } from '../store/columns.js'
import { SYNTHETIC_AGENT } from '../store/synthetic.js'
import { RecordingWriter } from '../store/writer.js'
import { cowpath, cowpathJson } from './testing/cowpath.js'
import { HOSTILE, writePinnedRecording } from '../store/testing/pinned-recording.js'

let folder: string
let before: string
let after: string

/** Two processes of one name make 10 and 30 copies within 4 s. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  before = join(folder, 'before.db')
  after = join(folder, 'after.db')
  await writePinnedRecording(before)
  const writer = await RecordingWriter.open(after, {
    durable: () => undefined,
    paused: () => undefined,
    resumed: () => undefined,
    failed: (error) => {
      throw error
    },
  })
  writer.run(1, SYNTHETIC_AGENT, 1)
  for (const tgid of [10, 11]) {
    writer.process({ tgid, parentTgid: 1, mm: 0, comm: 'driver', startTimeNs: 0, seenNs: 1e9 })
    writer.rate(1e9, tgid, 1, Kind.WpFault, Outcome.Copy, tgid === 10 ? 10 : 30, tgid === 10 ? 10 : 30, 0, 0)
  }
  const events = allocateColumns(2)
  events.seq.set([1, 2])
  events.timeNs.set([1e9, 5e9])
  writer.events(1, 1, 2, events)
  await writer.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('processes of one name are one row, each side by its own time', () => {
  expect(cowpathJson('diff', before, after)).toEqual({
    before_seconds: 8,
    after_seconds: 4,
    names: 2,
    per_second: [
      {
        comm: 'driver',
        before: { copies: 0, bytes: 0, faults: 0, pins: 0.5, findings: 0.25 },
        after: { copies: 10, bytes: 40960, faults: 10, pins: 0, findings: 0 },
      },
      {
        comm: HOSTILE,
        before: { copies: 0, bytes: 0, faults: 0, pins: 0.125, findings: 0 },
        after: { copies: 0, bytes: 0, faults: 0, pins: 0, findings: 0 },
      },
    ],
  })
})

test('the table tells before and after, and no name acts on the terminal', () => {
  const { status, stdout } = cowpath('diff', before, after)
  expect(status).toBe(0)
  expect(stdout).toMatch(/driver +0 > 10\.0 +0 B > 40\.0 KiB/)
  expect(stdout).not.toContain('\u001b')
})

test('a recording beside itself has no difference', () => {
  const { per_second } = cowpathJson('diff', after, after) as {
    per_second: { before: object; after: object }[]
  }
  expect(per_second).toHaveLength(1)
  expect(per_second[0].after).toEqual(per_second[0].before)
})

test('one that cannot be read is named', () => {
  const { status, stderr } = cowpath('diff', before, join(folder, 'none.db'))
  expect(status).toBe(1)
  expect(stderr).toContain('none.db: there is no such file')
})
