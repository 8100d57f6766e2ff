/** What a recording holds of memory that was there before the agent came, against what its owner saw of it then. */
import { beforeAll, describe, expect, test } from 'vitest'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { buildScenarios } from '../../src/lab/scenarios.js'
import { Flag } from '../../src/model/kinds.js'
import { jsonLines, KERNELS } from './guest-run.js'
import { query, recordWhole } from './recording.js'
import { RECORDING_MS } from './whole.js'

interface Page {
  readonly page: number
  readonly pfn: number
  readonly what: 'small' | 'shared' | 'file' | 'huge'
  readonly tgid: number
}
interface Run {
  readonly kind: string
  readonly vpn: number
  readonly pages: number
  readonly pfn: number
  readonly flags: number
  readonly order: number
  readonly mapcount: number
}
interface Slot {
  readonly slot_vpn: number
  readonly pfn: number
}

const KNOWN = Flag.Anon | Flag.File | Flag.Large | Flag.PmdMapped | Flag.VmaShared
const FACTS = {
  small: { flags: Flag.Anon, order: 0, mapcount: 1 },
  shared: { flags: Flag.Anon, order: 0, mapcount: 2 },
  // Fork copies no page tables of shared memory (mm/memory.c, copy_page_range()).
  file: { flags: Flag.File | Flag.VmaShared, order: 0, mapcount: 1 },
  huge: { flags: Flag.Anon | Flag.Large | Flag.PmdMapped, order: 9, mapcount: 1 },
} as const

/** The agent of this guest is the scenario, which becomes the real one when its memory is there. */
async function record(series: string): Promise<{ db: string; pages: readonly Page[] }> {
  const programs = await buildScenarios()
  const brought = `${requireAgent(process.env)}:/bin/late-agent`
  const env = { COWPATH_AGENT: programs.get('snapshot') }
  const { db, stdout } = await recordWhole(['--kernel', series, '--add', brought], ['--', 'snapshot'], {
    env,
  })
  return { db, pages: jsonLines<Page>(stdout, 'page') }
}

describe.each(KERNELS)('a recording made on kernel %s of a process that ran already', (series) => {
  let db = ''
  let pages: readonly Page[] = []
  let runs: readonly Run[] = []
  beforeAll(async () => {
    ;({ db, pages } = await record(series))
    const sql = `SELECT word.name AS kind, vpn, pages, old_pfn AS pfn, flags, folio_order AS "order", mapcount FROM event
      JOIN word ON word.topic = 'kind' AND word.number = event.kind WHERE word.name IN ('snapshot', 'frame-free')`
    runs = await query<Run>(db, sql, 'kind')
  }, RECORDING_MS)

  test('tells each page once, with its frame and its facts', () => {
    const mapped = pages.filter(({ pfn }) => pfn > 0)
    expect(new Set(mapped.map(({ what }) => what))).toEqual(new Set(['small', 'shared', 'file', 'huge']))
    const told = new Map<number, object[]>()
    for (const one of runs.filter(({ kind }) => kind === 'snapshot'))
      for (let i = 0; i < one.pages; i++)
        told.set(one.vpn + i, [
          ...(told.get(one.vpn + i) ?? []),
          { pfn: one.pfn + i, flags: one.flags & KNOWN, order: one.order, mapcount: one.mapcount },
        ])
    expect(pages.map(({ page }) => told.get(page) ?? [])).toEqual(
      pages.map(({ pfn, what }) => (pfn > 0 ? [{ pfn, ...FACTS[what] }] : [])),
    )
  })

  test('has those pages in its slots', async () => {
    const sql = `SELECT vpn AS slot_vpn, pfn FROM v_page_history WHERE from_cause = 'snapshot'`
    const slots = new Map(
      (await query<Slot>(db, sql, 'slot_vpn')).map(({ slot_vpn, pfn }) => [slot_vpn, pfn]),
    )
    const single = pages.filter(({ pfn, what }) => pfn > 0 && what !== 'huge')
    expect(single.map(({ page }) => slots.get(page))).toEqual(single.map(({ pfn }) => pfn))
    const head = pages.find(({ what }) => what === 'huge')
    expect(slots.get(head?.page ?? 0)).toBe(head?.pfn)
  })

  test('tells the end of a frame that only the snapshot named', () => {
    const head = pages.find(({ what }) => what === 'huge')?.pfn
    const freed = runs.filter(({ kind, pfn }) => kind === 'frame-free' && pfn === head)
    expect(freed.map(({ order }) => order)).toEqual([9])
  })
})
