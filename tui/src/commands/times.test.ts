import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Recording } from '../store/recording.js'
import { SYNTHETIC_AGENT } from '../store/synthetic.js'
import { writePinnedRecording } from '../store/testing/pinned-recording.js'
import { moment } from './times.js'

let folder: string
let recording: Recording
const bootMs = Number(SYNTHETIC_AGENT.wallClockOffsetNs / 1_000_000n)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  await writePinnedRecording(join(folder, 'x.db'))
  // From 2 s until 10 s since boot.
  recording = Recording.open(join(folder, 'x.db'))
})

afterAll(() => {
  recording.close()
  rmSync(folder, { recursive: true })
})

/** The time of day, local, so many ms after boot. */
function clock(afterBootMs: number): string {
  const date = new Date(bootMs + afterBootMs)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

test.each([
  ['4', 4e9],
  ['4.25', 4.25e9],
  ['-3s', 7e9],
  ['-1h', 0],
  ['+1.5s', 3.5e9],
  [new Date(bootMs + 5000).toISOString(), 5e9],
])('%s is a moment', (text, ns) => {
  expect(moment(text)(recording)).toBeCloseTo(ns, -5)
})

test('a time of day is the last one that the recording reaches', () => {
  expect(moment(clock(6000))(recording)).toBeCloseTo(6e9, -5)
  const afterEnd = moment(clock(11_000))(recording)
  // A day before: a day with a change of clocks is an hour shorter or longer.
  expect(Math.abs(afterEnd - (11e9 - 86_400e9))).toBeLessThanOrEqual(3_600e9)
})

test.each(['', 'yesterday', '-5', '+', '25:00', '12:61', '2026-13-01T00:00', '1e9', '-0s', '4s'])(
  '%j is refused with words',
  (text) => {
    expect(() => moment(text)).toThrow(/not a time|not a time span|no such time/)
  },
)
