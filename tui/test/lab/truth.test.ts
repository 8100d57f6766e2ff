/** What a recording holds, against what the programs saw of their own memory: the whole way, by the commands themselves. */
import { describe, expect, test } from 'vitest'

import { jsonLines, KERNELS } from './guest-run.js'
import { query, recordWhole, type Recording } from './recording.js'
import { RECORDING_MS } from './whole.js'

const PAGE_BYTES = 4096

interface Write {
  readonly pid: number
  readonly vaddr: number
  readonly pfn_before: number
  readonly pfn_after: number
  readonly expect: 'copy' | 'reuse'
}
interface Fault {
  readonly tgid: number
  readonly vpn: number
  readonly outcome: string
  readonly old_pfn: number
  readonly new_pfn: number
}
interface Count {
  readonly pid: number
  readonly hits: number
}

/** Runs `workload` in a recorded guest. What other legs lost is not looked at here. */
async function record(series: string, ...workload: string[]): Promise<Recording> {
  const options = ['--kernel', series, '--count', 'do_wp_page']
  return recordWhole(options, ['--', ...workload], { legs: ['wp-fault', 'fork'] })
}

async function faults(db: string): Promise<Fault[]> {
  const sql = `SELECT tgid, vpn, word.name AS outcome, old_pfn, new_pfn FROM event
    JOIN word ON word.topic = 'outcome' AND word.number = event.outcome
    WHERE kind = (SELECT number FROM word WHERE topic = 'kind' AND name = 'wp-fault')`
  return query<Fault>(db, sql, 'outcome')
}

function asFault({ pid, vaddr, pfn_before, pfn_after, expect: outcome }: Write): Fault {
  const common = { tgid: pid, vpn: vaddr / PAGE_BYTES, outcome, old_pfn: pfn_before }
  return { ...common, new_pfn: outcome === 'copy' ? pfn_after : 0 }
}

const sorted = (all: readonly Fault[]): string[] => all.map((one) => JSON.stringify(asRow(one))).sort()
const asRow = ({ tgid, vpn, outcome, old_pfn, new_pfn }: Fault): unknown[] => [
  tgid,
  vpn,
  outcome,
  old_pfn,
  outcome === 'copy' ? new_pfn : 0,
]

describe.each(KERNELS)('a recording made on kernel %s', (series) => {
  test(
    'holds exactly the copies and reuses that parent and child made, with their frames',
    async () => {
      const { db, stdout } = await record(series, 'cowfork', '64')
      const writes = jsonLines<Write>(stdout, 'expect')
      const pages = new Set(writes.map(({ vaddr }) => vaddr / PAGE_BYTES))
      const pids = new Set(writes.map(({ pid }) => pid))
      const seen = await faults(db)
      const ours = seen.filter(({ tgid, vpn }) => pids.has(tgid) && pages.has(vpn))
      expect(writes).toHaveLength(256)
      expect(sorted(ours)).toEqual(sorted(writes.map(asFault)))

      const counted = jsonLines<Count>(stdout, 'hits').filter(({ pid }) => pids.has(pid))
      const recorded = counted.map(({ pid }) => ({
        pid,
        hits: seen.filter(({ tgid }) => tgid === pid).length,
      }))
      expect(recorded).toEqual(counted.map(({ pid, hits }) => ({ pid, hits })))
    },
    RECORDING_MS,
  )

  test(
    'links the frames of one page through three generations of forks',
    async () => {
      const { db, stdout } = await record(series, 'generations')
      const writes = jsonLines<Write>(stdout, 'expect')
      const vpn = (writes[0]?.vaddr ?? 0) / PAGE_BYTES
      const sql = `SELECT a.pfn AS before, b.pfn AS after FROM edge JOIN frame a ON a.frame = from_frame
      JOIN frame b ON b.frame = to_frame WHERE edge.vpn = ${vpn} ORDER BY edge.seq`
      const edges = await query<{ before: number; after: number }>(db, sql, 'before')
      expect(edges).toEqual(
        writes.map(({ pfn_before, pfn_after }) => ({ before: pfn_before, after: pfn_after })),
      )
      expect(edges).toHaveLength(3)
    },
    RECORDING_MS,
  )
})
