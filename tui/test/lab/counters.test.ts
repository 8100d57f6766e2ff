/**
 * An agent that traces nobody by itself: its counters against what programs did, and its target set while a client
 * changes what it filters for.
 */
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { bootLab } from '../../src/lab/guest.js'
import { resolveKernel } from '../../src/lab/kernels.js'
import { buildScenarios } from '../../src/lab/scenarios.js'
import { connect, type AgentClient } from '../../src/wire/client.js'
import type { CountersSnapshot, ProcessCounts } from '../../src/wire/counters.js'
import { jsonLines } from './guest-run.js'

const PAGE_BYTES = 4096
const ATTACHING_MS = 90_000
/** A guest of its own, on a busy machine. */
const GUEST_MS = 400_000

interface Way {
  readonly way: string
  readonly pid: number
  readonly pages: number
  readonly acquired: number
}

/** Runs a shell line in a guest; `listen` has the agent's client and lets the line begin. */
async function beside<T>(
  series: string,
  line: string,
  listen: (client: AgentClient, start: () => void, ended: Promise<number>) => Promise<T>,
): Promise<{ readonly heard: T; readonly stdout: string }> {
  const programs = await buildScenarios()
  const guest = await bootLab({
    kernel: await resolveKernel({ kernel: series }, () => undefined),
    // In place of the guest's own, which would be told to trace the workload.
    agent: programs.get('on_demand_agent') ?? '',
    append: 'norandmaps',
    files: [`${requireAgent(process.env)}:/bin/late-agent`],
    workload: ['sh', '-c', line],
  })
  const client = connect(guest.endpoint ?? '')
  try {
    const stdout = text(guest.stdout)
    const begin = () => {
      guest.start()
    }
    // It listens before it is attached, which takes long where the processor is emulated.
    await client.ready(ATTACHING_MS)
    return { heard: await listen(client, begin, guest.waitExit()), stdout: await stdout }
  } finally {
    client.close()
    await guest.shutdown()
  }
}

async function once(client: AgentClient): Promise<CountersSnapshot> {
  for await (const snapshot of client.counters(0)) return snapshot
  throw new Error('the agent ended before it answered')
}

const WAYS = ['readv 1', 'readv 512', 'remote 16', 'uring 300'] as const

describe.each(['5.10', '6.1', '7.2'])('counters of kernel %s, where nobody is a target', (series) => {
  let counted: CountersSnapshot | undefined
  let ways: readonly Way[] = []
  beforeAll(async () => {
    const line = ['copyreuse 500', 'copyreuse 1500', ...WAYS.map((way) => `pins ${way}`)].join(' && ')
    const { heard, stdout } = await beside(series, line, async (client, start, ended) => {
      start()
      expect(await ended).toBe(0)
      return await once(client)
    })
    counted = heard
    ways = jsonLines<Way>(stdout, 'way')
  }, GUEST_MS)

  function processes(wanted: (process: ProcessCounts) => boolean): readonly ProcessCounts[] {
    return (counted?.processes ?? []).filter(wanted).sort((a, b) => a.startTimeNs - b.startTimeNs)
  }

  test('a thousand pages more are two thousand faults more, copies and reuses, and nothing else', () => {
    const [few, many] = processes(({ comm, counts }) => comm === 'copyreuse' && counts.forks > 0)
    const more = Object.fromEntries(
      Object.entries(many.counts).map(([name, value]) => [
        name,
        value - few.counts[name as keyof typeof few.counts],
      ]),
    )
    expect(few.counts.forks).toBe(2)
    expect(few.counts.execs).toBe(1)
    expect([few.ended, many.ended]).toEqual([true, true])
    expect(many.counts.copied_bytes).toBe(PAGE_BYTES * (many.counts.copies + many.counts.unshares))
    expect(more['faults']).toBe(2000)
    expect(more['copies'] + more['reuses']).toBe(2000)
    // Of a few pages of stack and data it is a matter of time whether the child has gone before they are written.
    const others = few.counts.faults - 1000
    expect(others).toBeLessThan(50)
    expect(Math.abs(more['copies'] - 1000)).toBeLessThanOrEqual(others)
    expect(more).toMatchObject({ unshares: 0, huge_faults: 0, forks: 0, execs: 0, pins_taken: 0 })
  })

  test.each(WAYS.map((way, at) => [way, at] as const))(
    '%s took its pins and gave all of them back',
    (_, at) => {
      const { pid, pages, acquired } = ways[at]
      const [{ counts }] = processes(({ tgid }) => tgid === pid)
      // Up to 5.x the kernel does not say how many.
      expect(counts.pins_taken).toBe(acquired === -1 ? pages : acquired)
      expect(counts.pins_taken).toBe(pages)
      expect(counts.pins_returned).toBe(pages)
    },
  )

  test('no process was left without a place', () => {
    expect(counted).toMatchObject({ crowded: 0, evicted: 0 })
  })
})

describe.each(['6.1', '7.2'])('an agent on demand on kernel %s', (series) => {
  test(
    'traces a process that runs from when a client filters for it until it does not',
    async () => {
      const { heard } = await beside(series, 'forkloop 12 50', async (client, start) => {
        const stream = client.trace({ client: 'test', filter: { pids: [], comms: ['nobody'] } })
        const told: string[] = []
        let events = 0
        let beats = 0
        for await (const item of stream) {
          if (item.type === 'started') start()
          if (item.type === 'batch') events += item.events.length
          if (item.type !== 'heartbeat') continue
          beats++
          if (beats === 4) {
            told.push(`before: ${events > 0 ? 'events' : 'none'}`)
            void stream.changeFilter({ pids: [], comms: ['forkloop'] }).then(() => (events = 0))
          } else if (beats === 8) {
            told.push(`while: ${events > 0 ? 'events' : 'none'}`)
            void stream.changeFilter({ pids: [], comms: ['nobody'] }).then(() => told.push('left'))
          } else if (beats === 12) {
            // The agent's own books, which no client's filter touches.
            told.push(...item.legs.filter(({ name }) => name === 'wp-fault').map(({ seen }) => `${seen}`))
          } else if (beats === 14) {
            const [last] = item.legs.filter(({ name }) => name === 'wp-fault')
            told.push(last.seen === Number(told.pop()) ? 'nothing is traced' : 'traced on')
            break
          }
        }
        return told
      })
      expect(heard).toEqual(['before: none', 'while: events', 'left', 'nothing is traced'])
    },
    GUEST_MS,
  )
})
