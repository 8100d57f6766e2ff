import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StreamItem } from '../model/events.js'
import { CowpathError } from '../model/failure.js'
import { connect, type TraceOptions } from './client.js'
import { explained } from './explain.js'
import type { FilterChange } from './filter.js'
import { FakeAgent, type FakeSession } from './testing/fake-agent.js'
import { madeUpAgent, madeUpBatch } from './testing/made-up.js'

let folder = ''
let endpoint = ''
const cleanups: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-wire-'))
  endpoint = `unix://${folder}/agent.sock`
})
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
  rmSync(folder, { recursive: true, force: true })
})

async function fakeAgent(onSubscribe: (session: FakeSession) => void): Promise<FakeAgent> {
  const agent = await FakeAgent.listen(endpoint, madeUpAgent(), onSubscribe)
  cleanups.push(() => {
    agent.kill()
  })
  return agent
}

const started: StreamItem = { type: 'started', agent: madeUpAgent(), nextSeq: 1 }

function trace(options: Partial<TraceOptions> = {}) {
  const client = connect(endpoint)
  cleanups.push(() => {
    client.close()
  })
  return client.trace({ client: 'test', ...options })
}

async function all(stream: AsyncIterable<StreamItem>): Promise<StreamItem[]> {
  const items: StreamItem[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** The line that a person would read. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    expect(error).toBeInstanceOf(CowpathError)
    return (error as CowpathError).message
  }
  throw new Error('it did not fail')
}

test('an agent says who it is', async () => {
  await fakeAgent(() => undefined)
  const client = connect(endpoint)
  expect(await client.describe()).toEqual(madeUpAgent())
  client.close()
})

test('a stream arrives as it was sent, after the subscription that was asked for', async () => {
  const agent = await fakeAgent((session) => {
    session.send(started, madeUpBatch(1, 1000), madeUpBatch(1001, 3))
    session.end()
  })
  const filter = { pids: [7], comms: ['redis'] }
  const items = await all(trace({ resume: { bootId: 'run-1', afterSeq: 41 }, filter }))
  expect(items).toEqual([started, madeUpBatch(1, 1000), madeUpBatch(1001, 3)])
  expect(agent.sessions[0].subscribe).toMatchObject({
    client: 'test',
    bootId: 'run-1',
    afterSeq: 41,
    filter,
  })
})

test('a consumer that waits makes the agent wait', async () => {
  // More than the flow control window and all buffers between hold.
  const total = 3000
  let sent = 0
  await fakeAgent((session) => {
    session.send(started)
    void (async () => {
      for (; sent < total; sent++) {
        const batch = madeUpBatch(1 + sent * 1000, 1000)
        if (session.send(batch)) continue
        await session.drained()
      }
      session.end()
    })()
  })
  let events = 0
  for await (const item of trace()) {
    if (item.type === 'started') {
      let before = -1
      // Until nothing more is sent for a while.
      while (before !== sent) {
        before = sent
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
      expect(sent).toBeLessThan(total)
    }
    if (item.type === 'batch') events += item.events.length
  }
  expect(events).toBe(total * 1000)
}, 60_000)

test('what is acknowledged reaches the agent', async () => {
  const agent = await fakeAgent((session) => {
    session.send(started)
  })
  const stream = trace()
  for await (const item of stream) {
    expect(item.type).toBe('started')
    stream.acknowledge(12)
    await expect.poll(() => agent.sessions[0].acknowledged).toEqual([12])
    break
  }
})

test('a cancelled stream ends without an error', async () => {
  await fakeAgent((session) => {
    session.send(started)
  })
  const stream = trace()
  const items: StreamItem[] = []
  for await (const item of stream) {
    items.push(item)
    stream.cancel()
  }
  expect(items).toEqual([started])
})

test('an agent that vanishes is told from one that ends its stream', async () => {
  const agent = await fakeAgent((session) => {
    session.send(started)
  })
  const stream = trace()
  const read = async () => {
    for await (const item of stream) if (item.type === 'started') agent.kill()
  }
  expect(await failure(read())).toBe(
    `lost the agent at ${endpoint}: it ended or its connection broke. Look at its log`,
  )
})

test.each([
  'agent.sock',
  'unix://relative',
  'unix:///',
  'http://x:1',
  'tcp://host',
  'tcp://host:0',
  'tcp://host:65536',
  'tcp://a b:1',
  '',
])('"%s" is no endpoint', async (text) => {
  const line = await failure(Promise.resolve().then(() => connect(text)))
  expect(line).toBe(`cannot connect to ${text}: it is not an endpoint. Say unix:///PATH or tcp://HOST:PORT`)
})

test('no socket, nobody behind the socket, and a closed door are told apart', async () => {
  expect(await failure(all(trace()))).toMatch(
    /^cannot connect to unix:.*agent\.sock: there is no such socket\. /,
  )
  writeFileSync(join(folder, 'agent.sock'), '')
  expect(await failure(all(trace()))).toMatch(/: no agent listens there\. /)
})

// Made up, for root may open every door: what grpc-js says to anybody else.
test('a socket of somebody else is permission denied', () => {
  const details = 'No connection established. Last error: Error: connect EACCES /run/cowpath/agent.sock'
  const refused = Object.assign(new Error(details), { code: status.UNAVAILABLE, details })
  expect(explained(refused, 'unix:///run/cowpath/agent.sock', 'connecting').message).toBe(
    'cannot connect to unix:///run/cowpath/agent.sock: permission denied. ' +
      'Run as root, or as a member of the group that owns the socket',
  )
})

test('a closed port says that no agent listens', async () => {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  endpoint = `tcp://127.0.0.1:${port}`
  expect(await failure(all(trace()))).toMatch(/^cannot connect to tcp:.*: no agent listens there\. /)
})

test('a server of another kind is not taken for an agent', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  cleanups.push(() => server.close())
  endpoint = `tcp://127.0.0.1:${await listening(server)}`
  expect(await failure(all(trace()))).toMatch(/: what listens there is not a cowpath agent\. /)
})

test('words of the agent itself reach the person', async () => {
  await fakeAgent((session) => {
    session.fail({ code: status.RESOURCE_EXHAUSTED, details: '16 clients trace already. End one of them' })
  })
  expect(await failure(all(trace()))).toBe(
    `cannot connect to ${endpoint}: 16 clients trace already. End one of them`,
  )
})

test('an agent that sends what nobody can read is an error, whatever it sends', async () => {
  await fakeAgent((session) => {
    session.send(started)
    session.sendRaw(Buffer.from([0x12, 2, 0x08, 0x80]))
  })
  expect(await failure(all(trace()))).toMatch(
    /^lost the agent at .*: it sent what cannot be read \(the message is cut off\)\. /,
  )
})

test('a stream that does not begin with its agent is no stream of an agent', async () => {
  await fakeAgent((session) => {
    session.send(madeUpBatch(1, 1))
  })
  expect(await failure(all(trace()))).toMatch(/it does not begin with who it is/)
})

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      resolve()
    }),
  )
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('a filter changed in the stream holds from where the agent says so in the stream', async () => {
  const agent = await fakeAgent((session) => {
    session.send(started, madeUpBatch(1, 10))
  })
  const stream = trace()
  const items: StreamItem[] = []
  let changed: Promise<FilterChange> | undefined
  for await (const item of stream) {
    items.push(item)
    if (item.type !== 'batch') continue
    if (changed !== undefined) break
    changed = stream.changeFilter({ pids: [], comms: ['redis'] })
    await expect.poll(() => agent.sessions[0].filters).toMatchObject([{ comms: ['redis'] }])
    agent.sessions[0].confirmFilter({ comms: ['redis'] }, 11)
    agent.sessions[0].send(madeUpBatch(11, 5))
  }
  expect(await changed).toEqual({ filter: { pids: [], comms: ['redis'] }, fromSeq: 11 })
  expect(items).toEqual([started, madeUpBatch(1, 10), madeUpBatch(11, 5)])
})

test('a filter that the agent would end the stream for is refused here, and the stream goes on', async () => {
  await fakeAgent((session) => {
    session.send(started, madeUpBatch(1, 10))
    session.end()
  })
  const stream = trace()
  const why = [
    failure(stream.changeFilter({ pids: [0], comms: [] })),
    failure(stream.changeFilter({ pids: [], comms: ['sixteen bytes xx'] })),
    failure(stream.changeFilter({ pids: [], comms: new Array<string>(1025).fill('a') })),
  ]
  expect(await all(stream)).toEqual([started, madeUpBatch(1, 10)])
  expect((await Promise.all(why)).join()).toMatch(/a pid is not.*1 to 15 bytes.*more than 1024 conditions/s)
})

test('a filter that nobody confirms before the end is not taken for one that holds', async () => {
  await fakeAgent((session) => {
    session.send(started)
  })
  const stream = trace()
  let why = Promise.resolve('')
  for await (const item of stream) {
    expect(item.type).toBe('started')
    why = failure(stream.changeFilter({ pids: [7], comms: [] }))
    break
  }
  expect(await why).toMatch(/cannot change the filter: the stream .* is over/)
  expect(await failure(stream.changeFilter({ pids: [7], comms: [] }))).toMatch(/is over/)
})
