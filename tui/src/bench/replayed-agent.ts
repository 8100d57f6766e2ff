/**
 * A process that sends the messages of a file to whoever subscribes, as fast as they are taken, and ends the stream when a
 * recorder has acknowledged the last event; for others at once.
 *
 * Usage: node tui/dist/bench/replayed-agent.js unix://SOCKET FILE
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeResponse } from '../wire/decode.js'
import { FakeAgent, type FakeSession } from '../wire/testing/fake-agent.js'
import { messagesOf } from './stream-file.js'
import { WORKLOAD_AGENT } from './workload.js'

const POLL_MS = 5

const [endpoint, path] = process.argv.slice(2)
const messages = messagesOf(path)

function lastSeq(): number {
  for (const message of [...messages].reverse()) {
    const item = decodeResponse(message)
    if (item?.type === 'batch') return item.lastSeq
  }
  return 0
}

async function play(session: FakeSession): Promise<void> {
  for (const message of messages) if (!session.sendRaw(message)) await session.drained()
  if (session.subscribe.client !== 'bench')
    for (const last = lastSeq(); (session.acknowledged.at(-1) ?? 0) < last;) await sleep(POLL_MS)
  session.end()
}

await FakeAgent.listen(endpoint, WORKLOAD_AGENT, (session) => void play(session))
