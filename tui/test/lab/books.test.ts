/** The books of an agent that cannot tell everything, against what the program did: nothing is lost without being counted. */
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { buildScenarios } from '../../src/lab/scenarios.js'
import { jsonLines } from './guest-run.js'

const COWPATH = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const PAGE_BYTES = 4096
const PAGES = 2048
const run = promisify(execFile)

interface Leg {
  readonly leg: string
  readonly seen: number
  readonly submitted: number
  readonly ring_full: number
  readonly filtered: number
  readonly throttled: number
  readonly missed: number
}
interface Did {
  readonly who: 'flood' | 'quiet'
  readonly pid: number
  readonly touches: number
  readonly vaddr: number
  readonly pages: number
}
interface Recorded {
  readonly did: readonly Did[]
  readonly legs: readonly Leg[]
  readonly touched: readonly { readonly tgid: number; readonly touched_vpn: number }[]
}

/** Runs a workload beside an agent with these options. Addresses are the same each time, and so is what a start touches. */
async function record(series: string, agentWords: string, ...workload: string[]): Promise<Recorded> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const [db, words] = [join(folder, 'run.db'), join(folder, 'words')]
  writeFileSync(words, `${agentWords}\n`)
  const programs = await buildScenarios()
  const adds = ['--add', `${requireAgent(process.env)}:/bin/late-agent`, '--add', `${words}:/bin/agent-words`]
  const lab = [
    'lab',
    '--kernel',
    series,
    '--append',
    'norandmaps',
    ...adds,
    '--record',
    db,
    '--',
    ...workload,
  ]
  const env = { ...process.env, COWPATH_AGENT: programs.get('flood_agent') }
  const { stdout } = await run(process.execPath, [COWPATH, ...lab], { env, maxBuffer: 64 << 20 })
  const legs = `SELECT name AS leg, seen, submitted, ring_full, filtered, throttled, missed FROM leg WHERE attached`
  const touched = `SELECT tgid, vpn AS touched_vpn FROM event
    WHERE kind = (SELECT number FROM word WHERE topic = 'kind' AND name = 'anon-new')`
  return {
    did: jsonLines<Did>(stdout, 'touches'),
    legs: await query<Leg>(db, legs, 'leg'),
    touched: await query<Recorded['touched'][number]>(db, touched, 'touched_vpn'),
  }
}

async function query<T>(db: string, sql: string, key: keyof T & string): Promise<T[]> {
  const limits = { maxBuffer: 64 << 20 }
  const { stdout } = await run(process.execPath, [COWPATH, 'sql', db, sql, '--json'], limits)
  return jsonLines<T>(stdout, key)
}

const told = ({ submitted, ring_full, filtered, throttled, missed }: Leg): number =>
  submitted + ring_full + filtered + throttled + missed

function legOf({ legs }: Recorded, name: string): Leg {
  const found = legs.find(({ leg }) => leg === name)
  if (found === undefined) throw new Error(`no leg ${name} in the recording`)
  return found
}

describe.each(['6.1'])('on kernel %s', (series) => {
  test('a ring of one page loses much and counts all of it, exactly', async () => {
    const few = await record(series, '--ring 4096', 'flood', String(PAGES), '1')
    const many = await record(series, '--ring 4096', 'flood', String(PAGES), '9')
    for (const recorded of [few, many])
      expect(recorded.legs.map((leg) => [leg.leg, leg.seen])).toEqual(
        recorded.legs.map((leg) => [leg.leg, told(leg)]),
      )
    const [once, often] = [legOf(few, 'anon-new'), legOf(many, 'anon-new')]
    expect(often.ring_full).toBeGreaterThan(PAGES)
    expect(often.submitted).toBe(many.touched.length)
    expect(often.seen - once.seen).toBe(8 * PAGES)
    expect(legOf(many, 'unmap').seen - legOf(few, 'unmap').seen).toBe(8)
  })

  test('a process that floods is throttled, and costs no other process an event', async () => {
    const recorded = await record(series, '--throttle 400', 'flood', String(PAGES), '10', '150')
    const quiet = recorded.did.find(({ who }) => who === 'quiet')
    const flood = recorded.did.find(({ who }) => who === 'flood')
    const ours = ({ pid = 0, vaddr = 0, pages = 0 }: Partial<Did> = {}): number =>
      recorded.touched.filter(
        ({ tgid, touched_vpn }) =>
          tgid === pid && touched_vpn >= vaddr / PAGE_BYTES && touched_vpn < vaddr / PAGE_BYTES + pages,
      ).length

    expect(ours(quiet)).toBe(150)
    expect(ours(flood)).toBeLessThan(flood?.touches ?? 0)
    expect(legOf(recorded, 'anon-new').throttled).toBeGreaterThan(0)
    expect(recorded.legs.map((leg) => [leg.leg, leg.seen])).toEqual(
      recorded.legs.map((leg) => [leg.leg, told(leg)]),
    )
  })
})
