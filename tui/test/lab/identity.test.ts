/** Pages that change their frame or their address: what a recording holds of them, against what their owner saw in /proc. */
import { beforeAll, describe, expect, test } from 'vitest'

import { jsonLines } from './guest-run.js'
import { query, recordWhole } from './recording.js'
import { RECORDING_MS } from './whole.js'

const PAGE_BYTES = 4096
/** `migrate` needs two nodes; `swap` makes its own device. */
const MACHINE = ['--module', 'zram', '--append', 'numa=fake=2']

interface Swapped {
  readonly scenario: 'swap'
  readonly pid: number
  readonly vaddr: number
  readonly pfn_before: number
  readonly entry: number
  readonly pfn_after: number
  readonly by: 'read' | 'write'
}
interface Merged {
  readonly scenario: 'ksm'
  readonly pid: number
  readonly vaddr: number
  readonly pfn_before: number
  readonly pfn_merged: number
  readonly pfn_after: number
}
interface Migrated {
  readonly scenario: 'migrate'
  readonly pid: number
  readonly vaddr: number
  readonly pfn_before: number
  readonly pfn_after: number
}
interface Remapped {
  readonly scenario: 'remap'
  readonly by: 'mremap' | 'userfaultfd'
  readonly pid: number
  readonly from: number
  readonly to: number
  readonly pfn: number
}
type Told = Swapped | Merged | Migrated | Remapped

/** An interval in which a page mapped a frame. */
interface Slot {
  readonly tgid: number
  readonly slot_vpn: number
  readonly pfn: number
  readonly from_cause: string
  readonly until_cause: string | null
}
interface Edge {
  readonly edge_kind: string
  readonly vpn: number
  readonly from_pfn: number
  readonly to_pfn: number
}
interface Out {
  readonly out_vpn: number
  readonly tgid: number
  readonly pfn: number
  readonly entry: number
}

interface Recorded {
  readonly told: readonly Told[]
  readonly slots: ReadonlyMap<string, readonly Slot[]>
  readonly edges: readonly Edge[]
  readonly outs: readonly Out[]
}

const keyOf = (tgid: number, vpn: number): string => `${tgid}:${vpn}`

async function record(series: string): Promise<Recorded> {
  const line = 'swap 32 && ksm 16 && migrate 16 && remap 16'
  const { db, stdout } = await recordWhole(['--kernel', series, ...MACHINE], ['--run', line])
  const slots = new Map<string, Slot[]>()
  const inOrder = `SELECT tgid, vpn AS slot_vpn, pfn, from_cause, until_cause FROM v_page_history
    WHERE tgid IS NOT NULL ORDER BY from_ns, from_seq`
  for (const slot of await query<Slot>(db, inOrder, 'slot_vpn')) {
    const key = keyOf(slot.tgid, slot.slot_vpn)
    slots.set(key, [...(slots.get(key) ?? []), slot])
  }
  const edges = `SELECT kind AS edge_kind, vpn, from_pfn, to_pfn FROM v_lineage WHERE kind IN ('swap', 'ksm', 'migrate')`
  const outs = `SELECT tgid, vpn AS out_vpn, old_pfn AS pfn, aux AS entry FROM event
    WHERE kind = (SELECT number FROM word WHERE topic = 'kind' AND name = 'swap-out')`
  return {
    told: jsonLines<Told>(stdout, 'scenario'),
    slots,
    edges: await query<Edge>(db, edges, 'edge_kind'),
    outs: await query<Out>(db, outs, 'out_vpn'),
  }
}

describe.each(['5.10', '6.1', '6.12', '6.18', '7.2'])('a recording made on kernel %s', (series) => {
  let all: Recorded = { told: [], slots: new Map(), edges: [], outs: [] }
  beforeAll(async () => {
    all = await record(series)
  }, RECORDING_MS)

  function told<S extends Told['scenario']>(scenario: S): Extract<Told, { scenario: S }>[] {
    return all.told.filter((one): one is Extract<Told, { scenario: S }> => one.scenario === scenario)
  }

  const historyOf = (pid: number, address: number): readonly Slot[] =>
    all.slots.get(keyOf(pid, address / PAGE_BYTES)) ?? []

  /** Between which frames an edge of this kind leads at a page. */
  const edgesAt = (kind: string, address: number): (readonly [number, number])[] =>
    all.edges
      .filter(({ edge_kind, vpn }) => edge_kind === kind && vpn === address / PAGE_BYTES)
      .map(({ from_pfn, to_pfn }) => [from_pfn, to_pfn])

  test('holds where each page went to swap, and the frame into which it came back', () => {
    const pages = told('swap')
    expect(pages).toHaveLength(32)
    for (const { pid, vaddr, pfn_before, entry, pfn_after } of pages) {
      const out = all.outs.filter((one) => one.tgid === pid && one.out_vpn === vaddr / PAGE_BYTES)
      expect(out.map(({ pfn, entry }) => [pfn, entry])).toEqual([[pfn_before, entry]])
      const history = historyOf(pid, vaddr)
      expect(history.find(({ until_cause }) => until_cause === 'swap-out')?.pfn).toBe(pfn_before)
      const back = history.find(({ from_cause }) => from_cause === 'swap-in')
      expect(edgesAt('swap', vaddr)).toEqual([[pfn_before, back?.pfn]])
      expect(history.at(-1)?.pfn).toBe(pfn_after)
    }
  })

  test('holds which frame pages came to share by KSM, and that a write leaves it', () => {
    const pages = told('ksm')
    expect(pages).toHaveLength(16)
    for (const { pid, vaddr, pfn_before, pfn_merged, pfn_after } of pages) {
      // One of them became the shared frame where it was.
      expect(edgesAt('ksm', vaddr)).toEqual(pfn_before === pfn_merged ? [] : [[pfn_before, pfn_merged]])
      const frames = historyOf(pid, vaddr).map(({ pfn }) => pfn)
      expect(frames).toContain(pfn_merged)
      expect(frames.at(-1)).toBe(pfn_after)
    }
  })

  test('holds the frame to which each page migrated', () => {
    const pages = told('migrate')
    expect(pages).toHaveLength(16)
    for (const { pid, vaddr, pfn_before, pfn_after } of pages) {
      const history = historyOf(pid, vaddr)
      expect(history.filter(({ from_cause }) => from_cause === 'migrate').at(-1)?.pfn).toBe(pfn_after)
      expect(history.map(({ pfn }) => pfn)).toContain(pfn_before)
      expect(all.edges).toContainEqual(
        expect.objectContaining({ edge_kind: 'migrate', from_pfn: pfn_before, to_pfn: pfn_after }),
      )
    }
  })

  test('holds that pages kept their frames at another address', () => {
    const pages = told('remap')
    expect(pages.length).toBeGreaterThanOrEqual(16)
    for (const { pid, from, to, pfn } of pages) {
      // Addresses that were left are given out again: the interval is not always the last.
      const left = expect.objectContaining({ pfn, until_cause: 'remap' }) as unknown
      expect(historyOf(pid, from)).toContainEqual(left)
      const reached = expect.objectContaining({ pfn, from_cause: 'remap' }) as unknown
      expect(historyOf(pid, to)).toContainEqual(reached)
    }
  })
})
