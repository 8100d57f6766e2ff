import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { StreamItem } from './model/events.js'
import { CowpathError } from './model/failure.js'
import { Pipeline, type PipelineOptions } from './pipeline.js'
import { Recording } from './store/recording.js'
import { COUNTERS } from './wire/counters.js'
import { FakeAgent, type FakeSession } from './wire/testing/fake-agent.js'
import { madeUpAgent, madeUpBatch } from './wire/testing/made-up.js'

let folder = ''
let path = ''
let endpoint = ''
const agents: FakeAgent[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-pipeline-'))
  path = join(folder, 'run.db')
  endpoint = `unix://${folder}/agent.sock`
})
afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function agentThat(play: (session: FakeSession) => void, bootId = 'run-1'): Promise<FakeAgent> {
  const agent = await FakeAgent.listen(endpoint, madeUpAgent(bootId), play)
  agents.push(agent)
  return agent
}

/** Starts where it is asked to, and sends events up to `lastSeq`, in batches of ten. */
function playTo(lastSeq: number, bootId = 'run-1') {
  return (session: FakeSession) => {
    const { afterSeq, bootId: known } = session.subscribe
    const firstSeq = known === bootId ? (afterSeq ?? 0) + 1 : 1
    session.send({ type: 'started', agent: madeUpAgent(bootId), nextSeq: firstSeq })
    for (let seq = firstSeq; seq <= lastSeq; seq += 10)
      session.send(madeUpBatch(seq, Math.min(10, lastSeq - seq + 1)))
  }
}

function playAndEnd(lastSeq: number, bootId?: string) {
  return (session: FakeSession) => {
    playTo(lastSeq, bootId)(session)
    session.end()
  }
}

async function run(options: PipelineOptions, signal = new AbortController().signal): Promise<StreamItem[]> {
  const items: StreamItem[] = []
  await new Pipeline(endpoint, options).run(
    { item: (item) => items.push(item), connection: () => undefined },
    signal,
  )
  return items
}

/** What the tables hold, as SQL asks it. */
function rows(sql: string): unknown[] {
  const recording = Recording.open(path)
  try {
    return recording.db.prepare(sql).raw().all()
  } finally {
    recording.close()
  }
}

function seqs(): readonly number[] {
  const recording = Recording.open(path)
  try {
    return [...recording.events(['seq'])].flatMap(({ events }) => [...events.seq])
  } finally {
    recording.close()
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1)
const record = { afterEnd: 'finish' } as const
const COPIES =
  'SELECT a.pfn, b.pfn, e.mm, e.vpn, e.at_ns, e.seq FROM edge e JOIN frame a ON a.frame = e.from_frame JOIN frame b ON b.frame = e.to_frame ORDER BY e.at_ns'

test('what an agent says reaches the recording and who looks on, event by event and as facts', async () => {
  await agentThat(playAndEnd(1000))
  const items = await run({ ...record, recordTo: path })
  expect(items.map(({ type }) => type)).toEqual(['started', ...Array<string>(100).fill('batch')])
  expect(seqs()).toEqual(upTo(1000))
  expect(rows('SELECT count(*) FROM edge')).toEqual([[1000]])
  expect(rows('SELECT sum(events) FROM rate')).toEqual([[1000]])
})

test('the counters of all processes are recorded as they stood last, those of an agent that keeps none are not', async () => {
  const counted = (tgid: readonly number[], copies: readonly number[], other: number) => ({
    timeNs: 5,
    tgid: [...tgid],
    startTimeNs: tgid.map((each) => each * 10),
    comm: tgid.map((each) => Buffer.from(`p${each}`)),
    ended: tgid.map(() => false),
    columns: [{ counter: COUNTERS.copies, values: [...copies], other }],
  })
  const agent = await agentThat(playTo(10))
  agent.counters = [counted([7, 9], [1, 2], 0), counted([7], [3], 2)]
  const ended = new AbortController()
  const running = run({ recordTo: path }, ended.signal)
  await vi.waitFor(() => {
    expect(rows('SELECT tgid, start_time_ns, comm, copies FROM counter')).toEqual([
      [0, 0, '', 2],
      [7, 70, 'p7', 3],
    ])
  }, 10_000)
  ended.abort()
  await running
  expect(rows('SELECT count(*) FROM counter')).toEqual([[2]])
})

test('without a recording nothing is written', async () => {
  await agentThat(playAndEnd(10))
  expect(await run(record)).toHaveLength(2)
  expect(existsSync(path)).toBe(false)
})

test('the agent is told what is in the database, and that alone', async () => {
  const agent = await agentThat(playTo(500))
  const ended = new AbortController()
  const running = run({ recordTo: path }, ended.signal)
  await vi.waitFor(() => {
    expect(agent.sessions[0]?.acknowledged.at(-1)).toBe(500)
  }, 5000)
  // The database says so too, though the recorder still runs.
  expect(seqs()).toEqual(upTo(500))
  ended.abort()
  await running
})

test('a recording goes on where it ended, and holds what one in a single piece holds', async () => {
  const other = join(folder, 'whole.db')
  const first = await agentThat(playAndEnd(333))
  await run({ ...record, recordTo: path })
  first.kill()
  const second = await agentThat(playAndEnd(1000))
  await run({ ...record, recordTo: path })
  expect(second.sessions[0]?.subscribe).toMatchObject({ bootId: 'run-1', afterSeq: 333 })
  await run({ ...record, recordTo: other })

  expect(seqs()).toEqual(upTo(1000))
  const tables = [
    COPIES,
    'SELECT * FROM slot ORDER BY slot',
    'SELECT frame, slot, mm, vpn, cause, origin FROM frame ORDER BY frame',
    'SELECT * FROM v_frame ORDER BY frame',
    'SELECT * FROM mm',
  ]
  const inPieces = tables.map(rows)
  path = other
  expect(inPieces).toEqual(tables.map(rows))
})

test('an agent that dies and comes back loses nothing that it still holds', async () => {
  const dying = await agentThat(playTo(100))
  const ended = new AbortController()
  const running = run({ recordTo: path }, ended.signal)
  await vi.waitFor(() => {
    expect(dying.sessions[0]?.acknowledged.at(-1)).toBe(100)
  }, 5000)
  dying.kill()
  const back = await agentThat(playTo(200))
  await vi.waitFor(() => {
    expect(back.sessions[0]?.acknowledged.at(-1)).toBe(200)
  }, 5000)
  ended.abort()
  await running
  expect(seqs()).toEqual(upTo(200))
  expect(rows('SELECT reason FROM gap')).toEqual([])
})

test('another run of the agent is another run of the recording, behind a gap', async () => {
  const first = await agentThat(playAndEnd(100))
  await run({ ...record, recordTo: path })
  first.kill()
  await agentThat(playAndEnd(50, 'run-2'), 'run-2')
  await run({ ...record, recordTo: path })
  expect(rows('SELECT run, boot_id FROM run')).toEqual([
    [1, 'run-1'],
    [2, 'run-2'],
  ])
  expect(rows('SELECT run, reason FROM gap')).toEqual([[2, 'agent-restart']])
  expect(rows('SELECT run, count(*) FROM mm GROUP BY run')).toEqual([
    [1, 50],
    [2, 50],
  ])
})

test('what was lost is in the recording', async () => {
  const span = { count: 10, firstSeq: 11, lastSeq: 20, fromNs: 1, untilNs: 2 }
  await agentThat((session) => {
    session.send({ type: 'started', agent: madeUpAgent(), nextSeq: 1 }, madeUpBatch(1, 10))
    session.send({ type: 'loss', loss: { hop: 'client-queue', leg: '', ...span } }, madeUpBatch(21, 10))
    session.end()
  })
  await run({ ...record, recordTo: path })
  expect(rows('SELECT reason, events, first_seq, last_seq FROM gap')).toEqual([['client-queue', 10, 11, 20]])
})

test('where there is no agent, nothing that looks like a recording is left behind', async () => {
  await expect(run({ recordTo: path })).rejects.toThrow(CowpathError)
  expect(existsSync(path)).toBe(false)
})

test('where there is no agent, a recording that was there stays as it was', async () => {
  const agent = await agentThat(playAndEnd(100))
  await run({ ...record, recordTo: path })
  agent.kill()
  await expect(run({ recordTo: path })).rejects.toThrow(CowpathError)
  expect(seqs()).toEqual(upTo(100))
  expect(rows('SELECT sealed FROM recording')).toEqual([[1]])
})
