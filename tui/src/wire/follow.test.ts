import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StreamItem } from '../model/events.js'
import { Follower, type FollowOptions } from './follow.js'
import { FakeAgent, type FakeSession } from './testing/fake-agent.js'
import { madeUpAgent, madeUpBatch } from './testing/made-up.js'

let folder = ''
let endpoint = ''
let agent: FakeAgent | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-follow-'))
  endpoint = `unix://${folder}/agent.sock`
})
afterEach(() => {
  agent?.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function play(onSubscribe: (session: FakeSession) => void, bootId = 'run-1'): Promise<FakeAgent> {
  agent = await FakeAgent.listen(endpoint, madeUpAgent(bootId), onSubscribe)
  return agent
}

function started(nextSeq: number, bootId = 'run-1'): StreamItem {
  return { type: 'started', agent: madeUpAgent(bootId), nextSeq }
}

interface Followed {
  readonly seqs: number[]
  readonly states: string[]
}

/** Follows until `enough` events came. */
async function followed(
  enough: number,
  options: Partial<FollowOptions> = {},
  onItem: (item: StreamItem, follower: Follower) => void = () => undefined,
): Promise<Followed> {
  const states: string[] = []
  const seqs: number[] = []
  const ended = new AbortController()
  const follower = new Follower(endpoint, {
    client: 'test',
    afterEnd: 'reconnect',
    onConnection: (state, why) => states.push(why === '' ? state : `${state}: ${why}`),
    ...options,
  })
  for await (const item of follower.items(ended.signal)) {
    onItem(item, follower)
    if (item.type === 'batch') seqs.push(...item.events.seq)
    if (seqs.length >= enough) ended.abort()
  }
  return { seqs, states }
}

function upTo(last: number, from = 1): readonly number[] {
  return Array.from({ length: last - from + 1 }, (_, i) => from + i)
}

test('an agent that is killed and met again goes on without a gap or a double', async () => {
  // It replays whole batches: the second stream begins before the place that was asked for.
  const first = await play((session) => {
    session.send(started(1), madeUpBatch(1, 100), madeUpBatch(101, 100))
  })
  const asked: unknown[] = []
  let isRestarted = false
  const { seqs, states } = await followed(400, {}, (item) => {
    if (item.type !== 'batch' || item.lastSeq < 200 || isRestarted) return
    isRestarted = true
    first.kill()
    void play((session) => {
      asked.push(session.subscribe)
      session.send(started(51), madeUpBatch(51, 100), madeUpBatch(151, 100), madeUpBatch(251, 150))
    })
  })
  expect(seqs).toEqual(upTo(400))
  expect(asked).toEqual([expect.objectContaining({ bootId: 'run-1', afterSeq: 200 })])
  expect(states).toEqual([
    'connecting',
    'connected',
    'reconnecting: it ended or its connection broke',
    'connected',
  ])
})

test('an agent that was restarted begins another run, and its numbers another life', async () => {
  const first = await play((session) => {
    session.send(started(1), madeUpBatch(1, 10))
  })
  let isRestarted = false
  const runs: string[] = []
  const { seqs } = await followed(15, {}, (item) => {
    if (item.type === 'started') runs.push(item.agent.bootId)
    if (item.type !== 'batch' || isRestarted) return
    isRestarted = true
    first.kill()
    void play((session) => {
      session.send(started(1, 'run-2'), madeUpBatch(1, 5))
    }, 'run-2')
  })
  expect(runs).toEqual(['run-1', 'run-2'])
  expect(seqs).toEqual([...upTo(10), ...upTo(5)])
})

test('a stream that broke before its first event begins again with what the agent still holds', async () => {
  const replays: unknown[] = []
  await play((session) => {
    replays.push(session.subscribe.replay)
    session.send(started(1))
    if (replays.length > 1) session.send(madeUpBatch(1, 3))
    session.end()
  })
  expect((await followed(3)).seqs).toEqual([1, 2, 3])
  expect(replays).toEqual([false, true])
})

test('an earlier recording is gone on with where it ended', async () => {
  const playing = await play((session) => {
    session.send(started(43), madeUpBatch(43, 5))
  })
  const { seqs } = await followed(5, { resume: { bootId: 'run-1', afterSeq: 42 } })
  expect(seqs).toEqual(upTo(47, 43))
  expect(playing.sessions[0].subscribe).toMatchObject({ bootId: 'run-1', afterSeq: 42, replay: false })
})

test('only events of the run that streams are acknowledged', async () => {
  const playing = await play((session) => {
    session.send(started(1), madeUpBatch(1, 3))
  })
  const ended = new AbortController()
  const follower = new Follower(endpoint, {
    client: 'test',
    afterEnd: 'reconnect',
    onConnection: () => undefined,
  })
  for await (const item of follower.items(ended.signal)) {
    if (item.type !== 'batch') continue
    follower.acknowledge('run-0', 99)
    follower.acknowledge('run-1', 3)
    await expect.poll(() => playing.sessions[0].acknowledged).toEqual([3])
    ended.abort()
  }
})

test('with finish the end of the stream is the end', async () => {
  await play((session) => {
    session.send(started(1), madeUpBatch(1, 3))
    session.end()
  })
  expect(await followed(Infinity, { afterEnd: 'finish' })).toEqual({
    seqs: [1, 2, 3],
    states: ['connecting', 'connected'],
  })
})

test('an agent that was never there is an error at once', async () => {
  await expect(followed(1)).rejects.toThrow('there is no such socket')
})

test('whoever has seen enough need not wait for the next attempt', async () => {
  await play((session) => {
    session.send(started(1))
    session.end()
  })
  const ended = new AbortController()
  const follower = new Follower(endpoint, {
    client: 'test',
    afterEnd: 'reconnect',
    onConnection: (state) => {
      if (state === 'reconnecting')
        setTimeout(() => {
          ended.abort()
        }, 10)
    },
  })
  const began = performance.now()
  for await (const item of follower.items(ended.signal)) expect(item.type).toBe('started')
  expect(performance.now() - began).toBeLessThan(5000)
})

test('a changed filter is asked for again by the next connection', async () => {
  const first = await play((session) => {
    session.send(started(1), madeUpBatch(1, 10))
  })
  const asked: unknown[] = []
  let change: Promise<unknown> | undefined
  const { seqs } = await followed(20, { filter: { pids: [7], comms: [] } }, (_, follower) => {
    if (change !== undefined) return
    change = follower.changeFilter({ pids: [8], comms: [] }).catch((why: unknown) => why)
    first.kill()
    void play((session) => {
      asked.push(session.subscribe.filter)
      session.send(started(1), madeUpBatch(1, 20))
    })
  })
  expect(seqs).toEqual(upTo(20))
  expect(asked).toEqual([expect.objectContaining({ pids: [8] })])
  expect(String(await change)).toMatch(/cannot change the filter/)
})
