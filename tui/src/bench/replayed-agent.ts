/**
 * A process that sends the messages of a file to whoever subscribes, as fast as they are taken, and ends the stream.
 *
 * Usage: node tui/dist/bench/replayed-agent.js unix://SOCKET FILE
 */
import { FakeAgent, type FakeSession } from '../wire/testing/fake-agent.js'
import { messagesOf } from './stream-file.js'
import { WORKLOAD_AGENT } from './workload.js'

const [endpoint, path] = process.argv.slice(2)
const messages = messagesOf(path)

async function play(session: FakeSession): Promise<void> {
  for (const message of messages) if (!session.sendRaw(message)) await session.drained()
  session.end()
}

await FakeAgent.listen(endpoint, WORKLOAD_AGENT, (session) => void play(session))
