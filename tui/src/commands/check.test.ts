import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Recorder } from '../pipeline/recorder.js'
import { rulesUnder } from '../pipeline/rules-under.js'
import { lostReads, seeingAgent, STORY_EVENTS } from '../pipeline/testing/lost-read.js'
import { cowpath, cowpathJson } from './testing/cowpath.js'

let folder: string
let path: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'lost.db')
  const recorder = await Recorder.open(path, rulesUnder())
  await recorder.take({ type: 'started', agent: seeingAgent(), nextSeq: 1 })
  await recorder.take(lostReads(1, STORY_EVENTS * 3))
  await recorder.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('judged again by its own kernel, a recording says what it said when it was recorded', () => {
  const recorded = cowpath('findings', path, '--all', '--json')
  const again = cowpath('check', path, '--all', '--json')
  expect(recorded.status).toBe(3)
  expect(JSON.parse(recorded.stdout.split('\n')[0])).toMatchObject({
    rule: 'R05',
    verdict: 'hazard',
    count: 3,
    pid: 10,
    ppid: 1,
    comm: 'db',
    cause: 'fork',
    reference: { kind: 'get', write: true, taker: 'iov_iter_get_pages2' },
  })
  expect(again).toEqual(recorded)
})

test('another policy may say something else; the recording stays as it is', () => {
  const before = readFileSync(path)
  for (const policy of ['page-count', 'mapcount', '6.12']) {
    const { status, stderr } = cowpath('check', path, '--policy', policy, '--json')
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' })
  }
  expect(readFileSync(path).equals(before)).toBe(true)
  const { status, stderr } = cowpath('check', path, '--policy', 'no-such')
  expect(status).toBe(2)
  expect(stderr).toMatch(/^cowpath: .*mapcount, force-break, page-count, anon-exclusive, or a kernel series/)
})

test('replay tells side by side what was done and what another kernel would have done', () => {
  const result = cowpathJson('replay', path, '--policy', 'anon-exclusive')
  expect(result).toMatchObject({
    policy: 'anon-exclusive',
    asRecorded: { copies: 3, copiedBytes: 3 * 4096, getsDiverged: 3, pinsDiverged: 0 },
    replayed: { copies: 3 },
  })
  const { stdout, status } = cowpath('replay', path, '--policy', 'mapcount')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^MEASURE +RECORDED +MAPCOUNT +DIFFERENCE\ncopies for a writer +3 +3 +0\n/)
  expect(cowpath('replay', path).status).toBe(2)
})
