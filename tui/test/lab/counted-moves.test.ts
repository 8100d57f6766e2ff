/** Counters of what moves pages without a write, where nobody is a target: against what programs and the kernel counted. */
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { bootLab } from '../../src/lab/guest.js'
import { resolveKernel } from '../../src/lab/kernels.js'
import { buildScenarios } from '../../src/lab/scenarios.js'
import { connect, type AgentClient } from '../../src/wire/client.js'
import type { Counts, CountersSnapshot } from '../../src/model/counts.js'
import { KERNELS } from './guest-run.js'
import { survived } from './whole.js'

const ATTACHING_MS = 90_000
/** A guest of its own, on a busy machine. */
const GUEST_MS = 400_000
const PAGES = 32
const LINE = [
  `sed 's/^/before /' /proc/vmstat`,
  `swap ${PAGES} >/dev/null`,
  `migrate ${PAGES} >/dev/null`,
  'ksm 16 >/dev/null',
  'thp >/dev/null',
  `sed 's/^/after /' /proc/vmstat`,
].join('; ')

interface Counted {
  /** What all processes did while the workload ran. */
  readonly all: Counts
  /** What the processes of a name did. */
  of(comm: string, name: keyof Counts): number
  /** By how much a line of /proc/vmstat rose. */
  vmstat(name: string): number
}

async function once(client: AgentClient): Promise<CountersSnapshot> {
  for await (const snapshot of client.counters(0)) return snapshot
  throw new Error('the agent ended before it answered')
}

function sum(snapshot: CountersSnapshot, name: keyof Counts): number {
  return snapshot.processes.reduce((total, { counts }) => total + counts[name], snapshot.other[name])
}

async function count(series: string): Promise<Counted> {
  const programs = await buildScenarios()
  const guest = await bootLab({
    kernel: await resolveKernel({ kernel: series }, () => undefined),
    // In place of the guest's own, which would be told to trace the workload.
    agent: programs.get('on_demand_agent') ?? '',
    append: 'numa=fake=2',
    modules: ['zram'],
    memory: '768M',
    files: [`${requireAgent(process.env)}:/bin/late-agent`],
    workload: ['sh', '-c', LINE],
  })
  const client = connect(guest.endpoint ?? '')
  try {
    const said = text(guest.stdout)
    await client.ready(ATTACHING_MS)
    const before = await once(client)
    guest.start()
    await guest.waitExit()
    const after = await once(client)
    const stdout = await said
    const numberIn = (which: string, name: string) =>
      Number(new RegExp(`^${which} ${name} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0)
    const names = Object.keys(after.other) as (keyof Counts)[] // of all names
    return {
      all: Object.fromEntries(names.map((name) => [name, sum(after, name) - sum(before, name)])) as Counts, // of all
      of: (comm, name) =>
        after.processes
          .filter((process) => process.comm === comm)
          .reduce((total, { counts }) => total + counts[name], 0),
      vmstat: (name) => numberIn('after', name) - numberIn('before', name),
    }
  } finally {
    client.close()
    await guest.shutdown()
  }
}

describe.each(KERNELS)('counters of kernel %s, where nobody is a target', (series) => {
  let counted: Counted | undefined
  beforeAll(async () => {
    counted = await survived(async () => count(series))
  }, GUEST_MS)

  test('who pushed its pages out to swap and touched them again did each as often as it did', () => {
    expect([counted?.of('swap', 'swap_outs'), counted?.of('swap', 'swap_ins')]).toEqual([PAGES, PAGES])
  })

  test('each page that was moved to another node is counted, as the kernel counts them', () => {
    expect(counted?.of('migrate', 'migrations')).toBe(PAGES)
    expect(counted?.all.migrations).toBe(counted?.vmstat('pgmigrate_success'))
  })

  test('equal pages are merged once each, by ksmd', () => {
    expect(counted?.of('ksmd', 'ksm_merges')).toBe(16)
    expect(counted?.all.ksm_merges).toBe(16)
  })

  test('splits of huge pages are those that the kernel counts, and a collapse is one', () => {
    expect(counted?.all.pmd_splits).toBe(counted?.vmstat('thp_split_pmd'))
    expect(counted?.all.folio_splits).toBe(counted?.vmstat('thp_split_page'))
    expect(counted?.all.pmd_splits).toBeGreaterThan(0)
    expect(counted?.all.folio_splits).toBeGreaterThan(0)
    expect(counted?.of('thp', 'collapses')).toBe(1)
  })
})
