import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { COUNTER_NAMES, type Counts } from '../model/counts.js'
import { SYNTHETIC_AGENT } from '../store/synthetic.js'
import { RecordingWriter } from '../store/writer.js'
import { COUNTERS } from '../wire/counters.js'
import { FakeAgent } from '../wire/testing/fake-agent.js'
import { madeUpAgent } from '../wire/testing/made-up.js'
import { countersCommand } from './counters.js'

let folder = ''
let endpoint = ''
let agent: FakeAgent
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-counters-'))
  endpoint = `unix://${folder}/agent.sock`
  agent = await FakeAgent.listen(endpoint, madeUpAgent(), () => undefined)
  agent.counters = [
    {
      tgid: [7, 9, 11],
      startTimeNs: [1, 2, 3],
      comm: [Buffer.from('redis'), Buffer.from('\x1b[31mred'), Buffer.from('idle')],
      ended: [false, true, false],
      columns: [
        { counter: COUNTERS.faults, values: [30, 50, 0], other: 2 },
        { counter: COUNTERS.copies, values: [10, 40, 0], other: 1 },
        { counter: COUNTERS.copied_bytes, values: [40_960, 163_840, 0], other: 4096 },
        { counter: COUNTERS.pins_taken, values: [500, 5, 0], other: 0 },
        { counter: COUNTERS.pins_returned, values: [200, 5, 0], other: 0 },
        { counter: COUNTERS.swap_outs, values: [0, 64, 0], other: 0 },
        { counter: COUNTERS.swap_ins, values: [0, 60, 0], other: 0 },
        { counter: COUNTERS.pmd_splits, values: [3, 0, 0], other: 0 },
        { counter: COUNTERS.collapses, values: [1, 0, 0], other: 0 },
        { counter: COUNTERS.migrations, values: [0, 7, 0], other: 0 },
      ],
      evicted: 3,
    },
  ]
})
afterEach(() => {
  vi.restoreAllMocks()
  agent.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function printed(...words: readonly string[]): Promise<string> {
  const lines: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    lines.push(String(line))
    return true
  })
  await countersCommand().parseAsync([endpoint, ...words], { from: 'user' })
  return lines.join('')
}

test('processes that did something stand in the order asked for, with what they still pin', async () => {
  const lines = (await printed()).split('\n')
  expect(lines[0]).toMatch(/PID PROCESS +COPIES.* +COPIED +FAULTS .* PINS/)
  expect(lines[1]).toMatch(/^ +9 .*red +40 +160 KiB +50 .* 0 ended$/)
  expect(lines[2]).toMatch(/^ +7 redis +10 +40\.0 KiB +30 .* 300$/)
  expect(lines[3]).toBe('')
  expect(lines[4]).toContain('1 copies and 2 faults, of 3 processes that have ended')
  expect((await printed('--by', 'pins')).split('\n')[1]).toContain('redis')
})

test('swap, huge pages and moves are columns of their own, and orders', async () => {
  const [title, first, second] = (await printed('--by', 'swap')).split('\n')
  expect(title).toMatch(/SWAP OUT\/IN▼? +SPLIT\/MADE +MOVED +PINS/)
  expect(first).toMatch(/^ +9 .* 64\/60 +0\/0 +7 /)
  expect(second).toMatch(/^ +7 .* 0\/0 +3\/1 +0 /)
  expect((await printed('--by', 'huge')).split('\n')[1]).toContain('redis')
  expect((await printed('--by', 'moves')).split('\n')[1]).toContain('red')
})

test('a comm never reaches the terminal raw', async () => {
  expect(await printed()).not.toContain('\x1b')
})

test('JSON has every process and every count', async () => {
  const told: unknown = JSON.parse(await printed('--json', '--limit', '1'))
  expect(told).toMatchObject({
    processes: [
      { tgid: 7, comm: 'redis', start_ns: 1, copies: 10, pins_outstanding: 300, unmaps: 0 },
      { tgid: 9, ended: true, copied_bytes: 163_840, pins_outstanding: 0 },
      { tgid: 11, faults: 0 },
    ],
    other: { faults: 2 },
    evicted: 3,
  })
})

test('of a recording they are told as they stood last', async () => {
  const path = join(folder, 'run.db')
  const writer = await RecordingWriter.open(path, {
    durable: () => undefined,
    paused: () => undefined,
    resumed: () => undefined,
    failed: (error) => {
      throw error
    },
  })
  writer.run(1, SYNTHETIC_AGENT, 1)
  const [zero, some] = [0, 3].map(
    (value) => Object.fromEntries(COUNTER_NAMES.map((name) => [name, value])) as Counts, // of all names
  )
  const redis = {
    tgid: 7,
    startTimeNs: 1,
    comm: 'redis',
    ended: true,
    counts: { ...zero, faults: 12, copies: 10 },
  }
  const nobody = { tgid: 0, startTimeNs: 0, comm: '', ended: false, counts: some }
  writer.counters(1, { timeNs: 5, changed: [nobody, redis], gone: [] })
  await writer.close()
  endpoint = path
  const told: unknown = JSON.parse(await printed('--json'))
  expect(told).toMatchObject({
    processes: [{ tgid: 7, comm: 'redis', start_ns: 1, ended: true, copies: 10, pins_outstanding: 0 }],
    other: { copies: 3, migrations: 3 },
  })
  const lines = (await printed('--by', 'copies')).split('\n')
  expect(lines[1]).toMatch(/^ +7 redis +10 .* ended$/)
  expect(lines.slice(2, 4)).toEqual(['', 'Not named above: 6 copies and 3 faults.'])
  await expect(printed('--watch')).rejects.toThrow('cannot watch a recording')
})

test('an agent that keeps none says so', async () => {
  agent.counters = undefined
  await expect(printed()).rejects.toThrow('this agent keeps no counters. Start it with --counters on')
})
