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
import type { EventColumns } from '../../src/model/events.js'
import { Kind } from '../../src/model/kinds.js'
import type { CountersSnapshot, ProcessCounts } from '../../src/model/counts.js'
import { jsonLines } from './guest-run.js'
import { survived } from './whole.js'

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

/** Two processes that pinned the same memory: see agent/lab/users/rdma.c. */
interface Shared {
  readonly pid: number
  readonly sharer: number
  readonly pages: number
  readonly shared: number
}

/** Runs a shell line in a guest; `listen` has the agent's client and lets the line begin. */
async function beside<T>(
  series: string,
  line: string,
  listen: (client: AgentClient, start: () => void, ended: Promise<number>) => Promise<T>,
  modules: readonly string[] = [],
): Promise<{ readonly heard: T; readonly stdout: string }> {
  const programs = await buildScenarios()
  const guest = await bootLab({
    kernel: await resolveKernel({ kernel: series }, () => undefined),
    // In place of the guest's own, which would be told to trace the workload.
    agent: programs.get('on_demand_agent') ?? '',
    append: 'norandmaps',
    modules,
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

/** The last one gives back ranges of frames, as many as lie side by side. */
const WAYS = ['pins readv 1', 'pins readv 512', 'pins remote 16', 'pins uring 300', 'rdma 600'] as const

describe.each(['5.10', '6.1', '7.2'])('counters of kernel %s, where nobody is a target', (series) => {
  let counted: CountersSnapshot | undefined
  let ways: readonly Way[] = []
  let shared: readonly Shared[] = []
  beforeAll(async () => {
    // Kernels switch huge pages off where there are less than 512 MiB.
    const huge = 'echo madvise >/sys/kernel/mm/transparent_hugepage/enabled'
    const line = ['copyreuse 500', 'copyreuse 1500', ...WAYS, huge, 'rdma 512 shared'].join(' && ')
    // The rdma_rxe of older kernels asks for a checksum by name, which no dependency tells.
    const modules = ['ib_uverbs', 'rdma_rxe', ...(series === '7.2' ? [] : ['crc32_generic'])]
    const told = async (client: AgentClient, start: () => void, ended: Promise<number>) => {
      start()
      expect(await ended).toBe(0)
      return await once(client)
    }
    const { heard, stdout } = await survived(async () => beside(series, line, told, modules))
    counted = heard
    ways = jsonLines<Way>(stdout, 'acquired')
    shared = jsonLines<Shared>(stdout, 'sharer')
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

  test('of a range that is given back, the pages that another process pinned since are given back for that one', () => {
    const [{ pid, sharer, pages, shared: both }] = shared
    const [[one], [other]] = [pid, sharer].map((of) => processes(({ tgid }) => tgid === of))
    expect([one.counts.pins_taken, other.counts.pins_taken]).toEqual([pages, both])
    // Since 6.11 pins may be given back by the head of a folio, so its last taker counts as the head's, too.
    const heads = series === '7.2' ? 1 : 0
    expect(one.counts.pins_returned).toBe(pages - both - heads)
    expect(other.counts.pins_returned).toBe(2 * both + heads)
  })

  test('no process was left without a place', () => {
    expect(counted).toMatchObject({ crowded: 0, evicted: 0 })
  })
})

/** Pages that a snapshot told, and the frames that writes found and left there. */
class Memory {
  readonly told = new Map<string, { readonly pfn: number; readonly timeNs: number; times: number }>()
  readonly #frames = new Map<string, number[]>()

  take(events: EventColumns): void {
    for (let i = 0; i < events.length; i++) {
      if (events.kind[i] === Kind.Snapshot) this.#mapped(events, i)
      else if (events.kind[i] === Kind.WpFault && events.newPfn[i] !== 0) this.#wrote(events, i)
    }
  }

  /** Of those pages that were written since. A snapshot bears the time at which its reading began: it shows no less than
   * what the first write after that found, and no more than what one of them left. */
  get compared(): readonly { readonly key: string; readonly isTrue: boolean }[] {
    return [...this.told].flatMap(([key, { pfn }]) => {
      const frames = this.#frames.get(key)
      return frames === undefined ? [] : [{ key, isTrue: frames.includes(pfn) }]
    })
  }

  #mapped(events: EventColumns, i: number): void {
    for (let page = 0; page < events.pages[i]; page++) {
      const key = `${events.mm[i]}:${events.vpn[i] + page}`
      const before = this.told.get(key)
      const pfn = events.oldPfn[i] + page
      this.told.set(key, { pfn, timeNs: events.timeNs[i], times: (before?.times ?? 0) + 1 })
    }
  }

  #wrote(events: EventColumns, i: number): void {
    const key = `${events.mm[i]}:${events.vpn[i]}`
    const since = this.told.get(key)?.timeNs
    if (since === undefined || events.timeNs[i] < since) return
    const frames = this.#frames.get(key)
    if (frames === undefined) this.#frames.set(key, [events.oldPfn[i], events.newPfn[i]])
    else frames.push(events.newPfn[i])
  }
}

describe.each(['6.1', '7.2'])('an agent on demand on kernel %s', (series) => {
  test(
    'traces a process that runs from when a client filters for it until it does not',
    async () => {
      const memory = new Memory()
      const { heard } = await beside(series, 'forkloop 12 50', async (client, start) => {
        const stream = client.trace({ client: 'test', filter: { pids: [], comms: ['nobody'] } })
        const told: string[] = []
        let events = 0
        let beats = 0
        for await (const item of stream) {
          if (item.type === 'started') start()
          if (item.type === 'batch') {
            events += item.events.length
            memory.take(item.events)
          }
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
      // What it mapped by then was told once, and joins what its writes tell.
      expect(memory.told.size).toBeGreaterThan(50)
      expect([...memory.told.values()].filter(({ times }) => times !== 1)).toEqual([])
      expect(memory.compared.length).toBeGreaterThanOrEqual(50)
      expect(memory.compared.filter(({ isTrue }) => !isTrue)).toEqual([])
    },
    GUEST_MS,
  )

  test(
    'finds a process that takes a wanted comm without exec',
    async () => {
      // A subshell is a fork, and what the shell writes behind it is a copy.
      const line = 'printf wanted >/proc/$$/comm; sleep 3; for i in 1 2 3 4 5 6 7 8; do (:); done'
      const { heard } = await beside(series, line, async (client, start, ended) => {
        const over = { is: false }
        void ended.then(() => (over.is = true))
        let copies = 0
        let beatsAfter = 0
        for await (const item of client.trace({ client: 'test', filter: { pids: [], comms: ['wanted'] } })) {
          if (item.type === 'started') start()
          if (item.type === 'batch')
            for (let i = 0; i < item.events.length; i++)
              if (item.events.kind[i] === Kind.WpFault && item.events.newPfn[i] !== 0) copies++
          if (item.type === 'heartbeat' && over.is && ++beatsAfter === 2) break
        }
        return copies
      })
      expect(heard).toBeGreaterThanOrEqual(8)
    },
    GUEST_MS,
  )
})
