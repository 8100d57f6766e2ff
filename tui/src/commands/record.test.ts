import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Recording } from '../store/recording.js'
import { requireAgent } from './agent-binary.js'

// The program and the agent as people run them: `npm test` has built both before.
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const EVENTS_A_SECOND = 20_000

let folder = ''
let endpoint = ''
let db = ''
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-record-'))
  endpoint = `unix://${folder}/agent.sock`
  db = join(folder, 'run.db')
})
afterEach(async () => {
  await Promise.all(children.splice(0).map(killed))
  rmSync(folder, { recursive: true, force: true })
})

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

async function startAgent(): Promise<ChildProcess> {
  rmSync(join(folder, 'agent.sock'), { force: true })
  const source = `synthetic:${EVENTS_A_SECOND}:500`
  const agent = spawn(requireAgent(process.env), ['serve', '--listen', endpoint, '--source', source], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(agent)
  await expect.poll(() => existsSync(join(folder, 'agent.sock')), { timeout: 10_000 }).toBe(true)
  return agent
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function record(...args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, 'record', endpoint, '-o', db, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const ended = once(child, 'close').then(() => ({ status: child.exitCode, stdout, stderr }))
  return { child, ended }
}

/** The recording has at least so many events, whoever writes it now. */
async function holds(events: number): Promise<void> {
  const stored = () => {
    try {
      const recording = Recording.open(db)
      try {
        return recording.ask<{ events: number }>('totals', {})[0].events
      } finally {
        recording.close()
      }
    } catch {
      return 0 // not made yet
    }
  }
  await expect.poll(stored, { timeout: 15_000, interval: 100 }).toBeGreaterThanOrEqual(events)
}

/** Sequence numbers of each run, in the order in which they were recorded. */
function recordedSeqs(): ReadonlyMap<number, number[]> {
  const runs = new Map<number, number[]>()
  const recording = Recording.open(db)
  for (const { run, events } of recording.events(['seq']))
    runs.set(run, [...(runs.get(run) ?? []), ...events.seq])
  recording.close()
  return runs
}

function isWithoutGapOrDouble(seqs: readonly number[]): boolean {
  return seqs.every((seq, i) => i === 0 || seq === seqs[i - 1] + 1)
}

test('records an agent for as long as it is told to, and says what it has', async () => {
  await startAgent()
  const { status, stdout, stderr } = await record('--duration', '2').ended
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const [, events] = /^events=(\d+) pages=\d+ copies=\d+ findings=0 lost=0 db=.*run\.db$/m.exec(stdout) ?? []
  expect(Number(events)).toBeGreaterThan(EVENTS_A_SECOND)
  const seqs = recordedSeqs().get(1) ?? []
  expect(seqs).toHaveLength(Number(events))
  expect(isWithoutGapOrDouble(seqs)).toBe(true)
})

test('^C keeps what came, and the exit status tells of it', async () => {
  await startAgent()
  const { child, ended } = record()
  await holds(5000)
  child.kill('SIGINT')
  const { status, stdout } = await ended
  expect(status).toBe(130)
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^events=\d+ pages=/)
})

test('a recorder that is killed and started again leaves neither a gap nor a double', async () => {
  await startAgent()
  const first = record()
  await holds(10_000)
  await killed(first.child)
  const before = recordedSeqs().get(1)?.length ?? 0
  const { status, stdout, stderr } = await record('--duration', '1').ended
  expect([status, stderr]).toEqual([0, `cowpath: going on with ${db}\n`])
  expect(stdout).toContain(' lost=0 ')
  const runs = recordedSeqs()
  expect([...runs.keys()]).toEqual([1])
  const seqs = runs.get(1) ?? []
  expect(seqs.length).toBeGreaterThan(before)
  expect(isWithoutGapOrDouble(seqs)).toBe(true)
}, 60_000)

test('a recording goes on with another run of the agent', async () => {
  const agent = await startAgent()
  await record('--duration', '1').ended
  await killed(agent)
  await startAgent()
  await record('--duration', '1').ended
  const runs = recordedSeqs()
  expect([...runs.keys()]).toEqual([1, 2])
  for (const seqs of runs.values()) expect(isWithoutGapOrDouble(seqs)).toBe(true)
}, 60_000)

test('without an agent there is one line, and no file', async () => {
  const { status, stderr } = await record().ended
  expect(status).toBe(1)
  expect(stderr).toMatch(/^cowpath: cannot connect to unix:.*: there is no such socket\. .*\n$/)
  expect(existsSync(db)).toBe(false)
})

test('a file of somebody else is refused, and stays as it was', async () => {
  await startAgent()
  const diary = 'my diary\n'.repeat(100)
  writeFileSync(db, diary)
  const { status, stderr } = await record('--duration', '1').ended
  expect(status).toBe(1)
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^cowpath: .*not a (database|recording)/)
  expect(readFileSync(db, 'utf8')).toBe(diary)
})
