/** What a recording holds of pages that change their frame or their address without a copy, against what the programs saw. */
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

import { Flag } from '../../src/model/kinds.js'
import { jsonLines, KERNELS } from './guest-run.js'

const COWPATH = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const PAGE_BYTES = 4096
const run = promisify(execFile)

interface Event {
  readonly kind: string
  readonly outcome: string
  readonly mm: number
  readonly vpn: number
  readonly pages: number
  readonly old_pfn: number
  readonly new_pfn: number
  readonly aux: number
  readonly flags: number
}
interface Swapped {
  readonly vaddr: number
  readonly pfn_before: number
  readonly entry: number
  readonly pfn_after: number
}
interface Merged {
  readonly vaddr: number
  readonly pfn_before: number
  readonly pfn_merged: number
  readonly pfn_after: number
}
interface Migrated {
  readonly pfn_before: number
  readonly pfn_after: number
}
interface Moved {
  readonly by: string
  readonly from: number
  readonly to: number
}

const SQL = `SELECT k.name AS kind, o.name AS outcome, mm, vpn, pages, old_pfn, new_pfn, aux, flags FROM event
  JOIN word k ON k.topic = 'kind' AND k.number = event.kind
  JOIN word o ON o.topic = 'outcome' AND o.number = event.outcome ORDER BY time_ns, seq`

/** Runs a scenario of agent/lab in a recorded guest: what it said, and the events of these kinds. */
async function record(
  series: string,
  scenario: string,
  ...options: string[]
): Promise<{ stdout: string; of: (kind: string) => Event[] }> {
  const db = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'run.db')
  const limits = { maxBuffer: 64 << 20 }
  const lab = ['lab', '--kernel', series, ...options, '--record', db, '--', scenario]
  const { stdout } = await run(process.execPath, [COWPATH, ...lab], limits)
  const asked = await run(process.execPath, [COWPATH, 'sql', db, SQL, '--json'], limits)
  const events = jsonLines<Event>(asked.stdout, 'kind')
  return { stdout, of: (kind) => events.filter((event) => event.kind === kind) }
}

const vpnOf = (address: number): number => address / PAGE_BYTES
const inOrder = (lines: readonly (readonly (string | number)[])[]): string[] =>
  lines.map((line) => line.join(' ')).sort()

describe.each(KERNELS)('a recording made on kernel %s', (series) => {
  test('tells each page that went out to swap and came back, by its entry', async () => {
    const { stdout, of } = await record(series, 'swap', '--module', 'zram')
    const pages = jsonLines<Swapped>(stdout, 'entry')
    const area = new Set(pages.map(({ vaddr }) => vpnOf(vaddr)))
    const ours = (kind: string): Event[] => of(kind).filter(({ vpn }) => area.has(vpn))

    expect(pages).toHaveLength(64)
    expect(inOrder(ours('swap-out').map(({ vpn, old_pfn, aux }) => [vpn, old_pfn, aux]))).toEqual(
      inOrder(pages.map(({ vaddr, pfn_before, entry }) => [vpnOf(vaddr), pfn_before, entry])),
    )
    expect(inOrder(ours('swap-in').map(({ vpn, new_pfn, aux }) => [vpn, new_pfn, aux]))).toEqual(
      inOrder(pages.map(({ vaddr, pfn_after, entry }) => [vpnOf(vaddr), pfn_after, entry])),
    )
  })

  test('tells each page that KSM merged, and each that a write took out again', async () => {
    const { stdout, of } = await record(series, 'ksm')
    const pages = jsonLines<Merged>(stdout, 'pfn_merged')
    const area = new Set(pages.map(({ vaddr }) => vpnOf(vaddr)))
    const broken = of('wp-fault').filter(({ vpn, flags }) => area.has(vpn) && (flags & Flag.Ksm) !== 0)
    const left = pages.filter(({ pfn_merged, pfn_after }) => pfn_after !== pfn_merged)

    expect([pages.length, left.length]).toEqual([32, 16])
    expect(inOrder(of('ksm-merge').map(({ vpn, old_pfn, new_pfn }) => [vpn, old_pfn, new_pfn]))).toEqual(
      inOrder(pages.map(({ vaddr, pfn_before, pfn_merged }) => [vpnOf(vaddr), pfn_before, pfn_merged])),
    )
    expect(
      inOrder(broken.map(({ vpn, outcome, old_pfn, new_pfn }) => [vpn, outcome, old_pfn, new_pfn])),
    ).toEqual(
      inOrder(left.map(({ vaddr, pfn_merged, pfn_after }) => [vpnOf(vaddr), 'copy', pfn_merged, pfn_after])),
    )
  })

  test('tells each frame that migrated, once for all who map it', async () => {
    const { stdout, of } = await record(series, 'migrate', '--append', 'numa=fake=2')
    const pages = jsonLines<Migrated>(stdout, 'pfn_after')
    const before = new Set(pages.map(({ pfn_before }) => pfn_before))
    const moved = of('migrate').filter(({ old_pfn }) => before.has(old_pfn))

    expect(pages).toHaveLength(64)
    expect(inOrder(moved.map(({ mm, old_pfn, new_pfn }) => [mm, old_pfn, new_pfn]))).toEqual(
      inOrder(pages.map(({ pfn_before, pfn_after }) => [0, pfn_before, pfn_after])),
    )
  })

  test('tells where each page went that got another address', async () => {
    const { stdout, of } = await record(series, 'remap')
    const pages = jsonLines<Moved>(stdout, 'from')
    const spread = of('remap').flatMap(({ vpn, aux, pages: count }) =>
      Array.from({ length: count }, (_, i) => [vpn + i, aux + i]),
    )
    const ways = new Set(pages.map(({ by }) => by))

    expect([...ways]).toEqual(series === '6.1' ? ['mremap'] : ['mremap', 'userfaultfd'])
    expect(inOrder(spread)).toEqual(inOrder(pages.map(({ from, to }) => [vpnOf(from), vpnOf(to)])))
  })
})
