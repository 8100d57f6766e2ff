// An agent in a process of its own, for the tests that kill one: five seconds of a made-up host a second.
// Arguments: endpoint, boot id, agent version, first second of the host.
import type { StreamItem } from '../../model/events.js'
import { syntheticAgent, syntheticSecond } from '../../views/testing/synthetic-stream.js'
import { FakeAgent, type FakeSession } from '../../wire/testing/fake-agent.js'

const [endpoint, bootId, agentVersion, first] = process.argv.slice(2)
const agent = syntheticAgent({ bootId, agentVersion })
/** What is missed of a run that is gone on with: the test knows the number. */
const MISSED = 4321
const FAULTS = 100

let second = Number(first)
const sessions: FakeSession[] = []
const answered = new Map<FakeSession, number>()

await FakeAgent.listen(endpoint, agent, (session) => {
  const { bootId: resumed, afterSeq } = session.subscribe
  const nextSeq = second * 1_000_000 + 1
  session.send({ type: 'started', agent, nextSeq })
  if (resumed === bootId) session.send(missed(Number(afterSeq) + 1, nextSeq - 1))
  sessions.push(session)
})

setInterval(() => {
  second++
  const items = syntheticSecond(second, FAULTS)
  for (const session of sessions) {
    session.send(...items)
    const { filters } = session
    for (const filter of filters.slice(answered.get(session) ?? 0))
      session.confirmFilter(filter, second * 1_000_000)
    answered.set(session, filters.length)
  }
}, 200)

function missed(firstSeq: number, lastSeq: number): StreamItem {
  const loss = { hop: 'replay', count: MISSED, firstSeq, lastSeq, fromNs: 0, untilNs: 0, leg: '' } as const
  return { type: 'loss', loss }
}
