/**
 * `cowpath-agent doctor --verify` on every kernel: all legs tell what happens, and where one cannot it is said.
 * `UPDATE_LEGS=1` writes docs/legs.md anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { legReports, legsPage, rungsOf, withoutReleases } from '../../src/lab/legs.js'
import type { LegColumn, LegVerdict } from '../../src/lab/legs.js'
import { runInGuest } from './guest-run.js'

const PAGE = new URL('../../../docs/legs.md', import.meta.url)
/** Two nodes to migrate between, swap, a pool of hugetlb pages: nothing is left untried. */
const MACHINE = { memory: '768M', nodes: 2, swap: '64M', append: 'hugepages=8' }
const VERIFY = 'cowpath-agent doctor --verify --json'
const GUEST_MS = 420_000

/** What is hidden in a second run on a kernel, and the legs that are not well then; all others are to be. */
interface Poorer {
  readonly hide: string
  readonly absent: readonly string[]
  /** Legs that cannot tell right from wrong without the absent ones. */
  readonly failed: readonly string[]
}

const POORER: Readonly<Record<string, Poorer>> = {
  // The copy of a write-protect fault looks like a first touch to those who did not see the fault begin.
  '5.10': { hide: 'do_wp_page,try_to_merge_one_page', absent: ['wp-fault', 'ksm'], failed: ['anon-new'] },
  // Only what GUP was seen to take is told when it is given back.
  '6.1': { hide: 'change_protection,__get_user_pages', absent: ['gup', 'wrprotect'], failed: ['unpin'] },
  '6.12': { hide: 'ptep_set_access_flags,clear_refs_test_walk,memfd_pin_folios', absent: [], failed: [] },
  '6.18': { hide: 'collapse_huge_page,do_huge_pmd_wp_page', absent: ['huge-wp', 'collapse'], failed: [] },
  '7.2': { hide: '__zap_vma_range', absent: ['unmap'], failed: [] },
}

interface Verified {
  readonly status: number
  readonly legs: readonly LegVerdict[]
}

interface Both {
  readonly release: string
  readonly whole: Verified
  readonly poorer: Verified
}

async function verify(series: string, hide: string): Promise<Both> {
  const line = `uname -r; ${VERIFY}; echo "STATUS $?"; COWPATH_HIDE_HOOKS=${hide} ${VERIFY}; echo "STATUS $?"`
  const files = [`${requireAgent(process.env)}:/bin/cowpath-agent`]
  const { stdout } = await runInGuest(series, ['sh', '-c', line], { ...MACHINE, files })
  const reports = legReports(stdout)
  const statuses = [...stdout.matchAll(/^STATUS (\d+)$/gm)].map(([, status]) => Number(status))
  if (reports.length !== 2 || statuses.length !== 2) throw new Error(`no two reports in: ${stdout}`)
  const [whole, poorer] = reports.map((legs, i) => ({ status: statuses[i], legs }))
  return { release: stdout.split('\n')[0], whole, poorer }
}

const bad = (legs: readonly LegVerdict[]): readonly LegVerdict[] =>
  legs.filter(({ verdict }) => verdict !== 'ok')

const columns: LegColumn[] = []

describe.each(Object.entries(POORER))('on kernel %s', (series, { hide, absent, failed }) => {
  let found: Both
  beforeAll(async () => {
    found = await verify(series, hide)
    const { release } = found
    columns.push({ title: series, release, legs: found.whole.legs })
    if (absent.length === 0)
      columns.push({
        title: `${series} without ${hide.replaceAll(',', ', ')}`,
        release,
        legs: found.poorer.legs,
      })
  }, GUEST_MS)

  test('every leg tells all that the self-test did, and the exit status says so', () => {
    expect(bad(found.whole.legs)).toEqual([])
    expect(found.whole.legs).toHaveLength(19)
    expect(found.whole.legs.every(({ expected, seen }) => expected > 0 && seen === expected)).toBe(true)
    expect(found.whole.status).toBe(0)
  })

  test('without some functions the legs that need them are absent with a reason, and the others are well', () => {
    const named = (verdict: string) =>
      found.poorer.legs.filter((leg) => leg.verdict === verdict).map(({ leg }) => leg)
    expect({ absent: named('absent'), failed: named('failed'), untried: named('not tried') }).toEqual({
      absent,
      failed,
      untried: [],
    })
    for (const { why } of found.poorer.legs.filter(({ verdict }) => verdict === 'absent'))
      expect(why).toContain('is hidden by COWPATH_HIDE_HOOKS')
    expect(found.poorer.status).toBe(absent.length === 0 ? 0 : 1)
  })
})

/** Only where all kernels were looked at. */
const isWhole = (): boolean => columns.length > Object.keys(POORER).length

afterAll(() => {
  if (isWhole() && process.env['UPDATE_LEGS'] === '1') writeFileSync(PAGE, legsPage(columns))
})

test('every hook of every ladder was seen working on some kernel', ({ skip }) => {
  if (!isWhole()) skip()
  const seen = new Set(
    columns.flatMap(({ legs }) => legs.filter(({ verdict }) => verdict === 'ok').map(({ hook }) => hook)),
  )
  const all = columns[0].legs.flatMap(({ leg }) => rungsOf(leg, columns))
  expect(all.filter((hook) => !seen.has(hook))).toEqual([])
})

test('docs/legs.md is what was seen', ({ skip }) => {
  if (!isWhole() || process.env['UPDATE_LEGS'] === '1') skip()
  const stale = 'docs/legs.md is stale: UPDATE_LEGS=1 and this test again'
  expect(withoutReleases(readFileSync(PAGE, 'utf8')), stale).toBe(withoutReleases(legsPage(columns)))
})
