import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LossInfo } from '../model/events.js'
import { allocateColumns } from './columns.js'
import { Recording } from './recording.js'
import { storedAgents, storedStream } from './stored-stream.js'
import { SYNTHETIC_AGENT } from './synthetic.js'
import { RecordingWriter } from './writer.js'

let folder: string
let files = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** What happens in a run: events came, events of a number were lost, or events without one. */
type Happening = { readonly events: number } | { readonly lost: number } | { readonly ring: number }

const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ events: fc.integer({ min: 1, max: 3000 }) }) },
    fc.record({ lost: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ ring: fc.integer({ min: 1, max: 50 }) }),
  ),
  { maxLength: 12 },
)

/** Writes runs as a recorder does, and returns the order of what happened, in words. */
async function written(path: string, runs: readonly (readonly Happening[])[]): Promise<readonly string[]> {
  const nothing = () => undefined
  const failed = (error: Error) => {
    throw error
  }
  const writer = await RecordingWriter.open(path, {
    durable: nothing,
    paused: nothing,
    resumed: nothing,
    failed,
  })
  const story: string[] = []
  for (const [index, run] of runs.entries()) {
    const number = index + 1
    writer.run(number, { ...SYNTHETIC_AGENT, bootId: `run-${number}` }, 1)
    let seq = 0
    let began = false
    for (const happening of run) {
      if ('events' in happening) {
        if (!began) story.push(`run-${number}`)
        began = true
        const events = allocateColumns(happening.events)
        for (let i = 0; i < happening.events; i++) {
          events.seq[i] = ++seq
          events.timeNs[i] = seq * 1000
          story.push(`event ${seq}`)
        }
        writer.events(number, seq - happening.events + 1, seq, events)
        continue
      }
      const loss =
        'lost' in happening
          ? { count: happening.lost, first: seq + 1, last: seq + happening.lost }
          : {
              count: happening.ring,
              first: 0,
              last: 0,
            }
      if (loss.last !== 0) seq = loss.last
      // Before the first event of a run nothing is known that a loss could make uncertain.
      if (began) story.push(`lost ${loss.count} ${loss.first}`)
      else continue
      writer.gap({
        run: number,
        reason: loss.last !== 0 ? 'client-queue' : loss.count % 2 === 0 ? 'ring' : 'not-entered',
        leg: 'gup',
        count: loss.count,
        firstSeq: loss.first,
        lastSeq: loss.last,
        fromNs: seq * 1000,
        untilNs: seq * 1000 + 1,
      })
    }
  }
  await writer.close()
  return story
}

function read(path: string): readonly string[] {
  const recording = Recording.open(path)
  try {
    const story: string[] = []
    for (const { item } of storedStream(recording)) {
      if (item.type === 'started') story.push(item.agent.bootId)
      else if (item.type === 'loss') story.push(lossWords(item.loss))
      else if (item.type === 'batch') {
        const { events, firstSeq, lastSeq, filtered } = item
        expect(lastSeq - firstSeq + 1).toBe(events.length + filtered)
        for (const seq of events.seq) {
          expect(seq).toBeGreaterThanOrEqual(firstSeq)
          expect(seq).toBeLessThanOrEqual(lastSeq)
          story.push(`event ${seq}`)
        }
      }
    }
    return story
  } finally {
    recording.close()
  }
}

function lossWords({ count, firstSeq }: LossInfo): string {
  return `lost ${count} ${firstSeq}`
}

test('events and losses come back in the order in which they came, whatever the blocks are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happenings, { minLength: 1, maxLength: 3 }), async (runs) => {
      const path = join(folder, `${++files}.db`)
      const story = await written(path, runs)
      expect(read(path)).toEqual(story)
    }),
    { numRuns: 15 },
  )
}, 60_000)

test('processes come with the events before which they were seen, by the numbers of their run', async () => {
  const path = join(folder, 'names.db')
  await written(path, [[{ events: 3 }], [{ events: 3 }]])
  const nothing = () => undefined
  const writer = await RecordingWriter.open(path, {
    durable: nothing,
    paused: nothing,
    resumed: nothing,
    failed: nothing,
  })
  writer.mm({ mm: 1, run: 1, agentMm: 71, parentMm: 0, bornNs: 0, bornBy: 'seen' })
  writer.mm({ mm: 2, run: 2, agentMm: 72, parentMm: 0, bornNs: 0, bornBy: 'seen' })
  const known = { parentTgid: 1, comm: 'db', startTimeNs: 0 }
  writer.process({ ...known, tgid: 10, mm: 1, seenNs: 2000 })
  writer.process({ ...known, tgid: 20, mm: 2, seenNs: 2500 })
  await writer.close()
  const recording = Recording.open(path)
  const named = [...storedStream(recording)].flatMap(({ run, item }) =>
    item.type === 'batch' ? item.processes.map(({ tgid, mm }) => [run, tgid, mm]) : [],
  )
  expect(named).toEqual([
    [1, 10, 71],
    [2, 20, 72],
  ])
  expect(storedAgents(recording).map(({ agent }) => agent)).toEqual(
    [1, 2].map((run) => ({ ...SYNTHETIC_AGENT, bootId: `run-${run}` })),
  )
  recording.close()
})
