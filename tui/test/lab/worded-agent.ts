/** An agent with words of its own on its command line, and all that it tells of a workload. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { bootLab } from '../../src/lab/guest.js'
import { resolveKernel } from '../../src/lab/kernels.js'
import { buildScenarios } from '../../src/lab/scenarios.js'
import { NO_EVENT, type EventRow } from '../../src/model/event-rows.js'
import type { AgentInfo, EventColumns, LegBooks, StackInfo } from '../../src/model/events.js'
import { connect, type TraceOptions } from '../../src/wire/client.js'
import { untilWhole, type Attempt } from './whole.js'

const ATTACHING_MS = 90_000

export interface Traced {
  readonly agent: AgentInfo
  readonly rows: readonly EventRow[]
  readonly stacks: ReadonlyMap<number, StackInfo>
  /** As the last heartbeat had them. */
  readonly legs: readonly LegBooks[]
  readonly stdout: string
}

/** Runs a shell line in a guest whose agent was started with `words` behind its own, and traces it without a loss. */
export async function traceWith(
  series: string,
  line: string,
  words: readonly string[],
  options: Partial<TraceOptions> = {},
): Promise<Traced> {
  return untilWhole(async () => traceOnce(series, line, words, options))
}

async function traceOnce(
  series: string,
  line: string,
  words: readonly string[],
  options: Partial<TraceOptions>,
): Promise<Attempt<Traced>> {
  const programs = await buildScenarios()
  const file = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'words')
  writeFileSync(file, words.map((word) => `${word}\n`).join(''))
  const guest = await bootLab({
    kernel: await resolveKernel({ kernel: series }, () => undefined),
    agent: programs.get('worded_agent') ?? '',
    files: [`${requireAgent(process.env)}:/bin/late-agent`, `${file}:/bin/agent-words`],
    workload: ['sh', '-c', line],
  })
  const client = connect(guest.endpoint ?? '')
  const rows: EventRow[] = []
  const stacks = new Map<number, StackInfo>()
  const workload = { isRunning: false, hasEnded: false }
  let agent: AgentInfo | undefined
  let legs: readonly LegBooks[] = []
  const lost: string[] = []
  let beatsAfter = 0
  try {
    await client.ready(ATTACHING_MS)
    const stdout = text(guest.stdout)
    const stream = client.trace({ client: 'test', ...options })
    for await (const item of stream) {
      if (item.type === 'started') ({ agent } = item)
      if (item.type === 'heartbeat') {
        legs = item.legs
        // With the first one what was asked for is in force.
        if (!workload.isRunning) {
          workload.isRunning = true
          guest.start()
          void guest.waitExit().then(() => (workload.hasEnded = true))
        } else if (workload.hasEnded && ++beatsAfter === 2) break
      }
      if (item.type === 'loss') lost.push(`${item.loss.hop} ${item.loss.leg} ${item.loss.count}`)
      if (item.type !== 'batch') continue
      for (const stack of item.stacks) stacks.set(stack.stack, stack)
      for (let i = 0; i < item.events.length; i++) rows.push(rowOf(item.events, i))
    }
    stream.cancel()
    if (agent === undefined) throw new Error('the agent said nothing')
    return { made: { agent, rows, stacks, legs, stdout: await stdout }, lost }
  } finally {
    client.close()
    await guest.shutdown()
  }
}

const COLUMNS = Object.keys(NO_EVENT) as readonly (keyof EventRow)[] // they are all, and nothing else

function rowOf(events: EventColumns, i: number): EventRow {
  const row = { ...NO_EVENT }
  for (const name of COLUMNS) row[name] = events[name][i]
  return row
}
